# Options every target gets: the language, warnings, hidden visibility, sanitizers, ccache.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# oocmap.so exports what OOCMAP_API marks and nothing else (core/base/export.h).
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE}")
endif()

# No -Wconversion: code that packs bits into words would be mostly casts.
# Members left out of an initializer are zero or their default; tables of callbacks rely on it.
# -Wrestrict is off and the flow-based warnings never fail a build: g++ 12 reports them inside std::string.
set(OOCMAP_WARNINGS -Wall -Wextra -Wpedantic -Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi
  -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Not the whole of -Wshadow: g++ says a scoped enumerator shadows a constant of the same name.
  list(APPEND OOCMAP_WARNINGS -Wshadow=local -Wno-restrict)
else()
  list(APPEND OOCMAP_WARNINGS -Wshadow)
endif()
if(OOCMAP_WERROR)
  list(APPEND OOCMAP_WARNINGS -Werror)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND OOCMAP_WARNINGS -Wno-error=maybe-uninitialized -Wno-error=array-bounds
         -Wno-error=stringop-overflow -Wno-error=stringop-overread)
  endif()
endif()

if(OOCMAP_SANITIZE)
  add_compile_options(-fsanitize=${OOCMAP_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${OOCMAP_SANITIZE})
endif()
if(OOCMAP_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "OOCMAP_FUZZ needs clang, which brings libFuzzer (Debian: apt-get install clang).")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link
    "-fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/tests/fuzz/sanitizer_ignore.txt")
endif()
