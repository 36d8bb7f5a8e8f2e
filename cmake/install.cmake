# The build tree has the shape of an installed one, so that acmed finds its two helpers in both.
include(GNUInstallDirs)

set_target_properties(acmed PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/sbin)
set_target_properties(acmectl PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set_target_properties(acmed-keeper acmed-engine PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/libexec/acmed)

install(TARGETS acmed DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS acmectl DESTINATION ${CMAKE_INSTALL_BINDIR})
# "libexec" whatever the distribution calls it: acmed looks for ../libexec/acmed/ beside itself.
install(TARGETS acmed-keeper acmed-engine DESTINATION libexec/acmed)
configure_file(${CMAKE_SOURCE_DIR}/daemon/supervisor/acme.sh-dnsapi ${CMAKE_BINARY_DIR}/libexec/acmed/acme.sh-dnsapi COPYONLY)
install(PROGRAMS daemon/supervisor/acme.sh-dnsapi DESTINATION libexec/acmed)

# The unit names the programs by their full paths, and `cmake --install --prefix` may still change these. systemd looks into
# lib/, not lib64/ or lib/TRIPLET/.
install(CODE "
    set(sbindir \"${CMAKE_INSTALL_SBINDIR}\")
    set(bindir \"${CMAKE_INSTALL_BINDIR}\")
    cmake_path(ABSOLUTE_PATH sbindir BASE_DIRECTORY \"\${CMAKE_INSTALL_PREFIX}\" NORMALIZE)
    cmake_path(ABSOLUTE_PATH bindir BASE_DIRECTORY \"\${CMAKE_INSTALL_PREFIX}\" NORMALIZE)
    configure_file(\"${CMAKE_SOURCE_DIR}/systemd/acmed.service.in\" \"${CMAKE_BINARY_DIR}/systemd/acmed.service\" @ONLY)")
install(FILES ${CMAKE_BINARY_DIR}/systemd/acmed.service systemd/acmed.socket DESTINATION lib/systemd/system)
install(FILES systemd/acmed.sysusers.conf DESTINATION lib/sysusers.d RENAME acmed.conf)
install(FILES systemd/acmed.tmpfiles.conf DESTINATION lib/tmpfiles.d RENAME acmed.conf)

# Configuration lives in /etc for every prefix; one that is there already is the administrator's.
install(CODE "
    if(NOT EXISTS \"\$ENV{DESTDIR}/etc/acmed/acmed.conf\")
        file(INSTALL \"${CMAKE_SOURCE_DIR}/conf/acmed.conf\" DESTINATION /etc/acmed) # puts DESTDIR before it
        file(MAKE_DIRECTORY \"\$ENV{DESTDIR}/etc/acmed/conf.d\")
    endif()")

file(GLOB snippets CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/conf/snippets/*)
install(FILES ${snippets} DESTINATION ${CMAKE_INSTALL_DOCDIR}/snippets)
file(GLOB examples CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/conf/examples/*)
install(FILES ${examples} DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES conf/acmed.conf DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

install(FILES daemon/acmed.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ctl/acmectl.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES conf/acmed.conf.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)

install(FILES ctl/completion/bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME acmectl)
install(FILES ctl/completion/zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions RENAME _acmectl)
install(FILES ctl/completion/fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d RENAME acmectl.fish)
