# The build tree has the shape of an installed one, so that acmed finds its two helpers in both.
include(GNUInstallDirs)

set_target_properties(acmed PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/sbin)
set_target_properties(acmectl PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set_target_properties(acmed-keeper acmed-engine PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/libexec/acmed)

install(TARGETS acmed DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS acmectl DESTINATION ${CMAKE_INSTALL_BINDIR})
# "libexec" whatever the distribution calls it: acmed looks for ../libexec/acmed/ beside itself.
install(TARGETS acmed-keeper acmed-engine DESTINATION libexec/acmed)

# Configuration lives in /etc for every prefix; one that is there already is the administrator's.
set(example ${CMAKE_SOURCE_DIR}/conf/acmed.conf)
install(CODE "
    set(target \"\$ENV{DESTDIR}/etc/acmed/acmed.conf\")
    if(EXISTS \"${example}\" AND NOT EXISTS \"\${target}\")
        file(INSTALL \"${example}\" DESTINATION \"\$ENV{DESTDIR}/etc/acmed\")
        file(MAKE_DIRECTORY \"\$ENV{DESTDIR}/etc/acmed/conf.d\")
    endif()")

file(GLOB snippets CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/conf/snippets/*)
install(FILES ${snippets} DESTINATION ${CMAKE_INSTALL_DOCDIR}/snippets)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

foreach(page daemon/acmed.8 ctl/acmectl.1 conf/acmed.conf.5)
    if(EXISTS ${CMAKE_SOURCE_DIR}/${page})
        string(REGEX MATCH "[0-9]$" chapter ${page})
        install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${chapter})
    endif()
endforeach()
