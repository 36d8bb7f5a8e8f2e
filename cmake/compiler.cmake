# Language level, warnings and hardening, the same for every target.
include(CheckCCompilerFlag)
include(CheckPIESupported)

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
check_pie_supported(LANGUAGES C)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

# Flags that only some compilers and machines know.
function(acmed_compile_options_if_known)
    foreach(flag ${ARGN})
        string(MAKE_C_IDENTIFIER "ACMED_HAS${flag}" known)
        check_c_compiler_flag("-Werror ${flag}" ${known})
        if(${known})
            add_compile_options(${flag})
        endif()
    endforeach()
endfunction()

# assert() and its like name files as the tree does, wherever it was built.
acmed_compile_options_if_known(-fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=)

include_directories(${CMAKE_SOURCE_DIR})
add_compile_definitions(_GNU_SOURCE)
add_compile_options(-Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wformat=2
    -Wundef -Wvla -Wwrite-strings -Wcast-align -Wno-missing-field-initializers)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wlogical-op -Wduplicated-cond -Wjump-misses-init -Wno-format-truncation)
endif()
if(ACMED_WERROR)
    add_compile_options(-Werror)
endif()

add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack,--as-needed)
if(ACMED_SANITIZE)
    add_compile_options(-fsanitize=${ACMED_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
    add_link_options(-fsanitize=${ACMED_SANITIZE})
    # What a sanitizer needs of the kernel is more than the release filter allows; status says so.
    add_compile_definitions(ACMED_WIDE_SANDBOX="sanitizer build")
elseif(ACMED_COVERAGE)
    add_compile_options(--coverage)
    add_link_options(--coverage)
    add_compile_definitions(ACMED_WIDE_SANDBOX="coverage build")
else()
    acmed_compile_options_if_known(-fstack-protector-strong -fstack-clash-protection -fcf-protection
        -mbranch-protection=standard -ftrivial-auto-var-init=zero)
    if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
        add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
    endif()
endif()
if(ACMED_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
