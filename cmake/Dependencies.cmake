# The libraries, each as an imported target. What only one option needs is looked for where that option is on.

find_package(Threads REQUIRED)

# None of these comes with a CMake package in Debian.
function(oocmap_find_library target header library package)
  find_path(${target}_INCLUDE ${header})
  find_library(${target}_LIBRARY ${library})
  if(NOT ${target}_INCLUDE OR NOT ${target}_LIBRARY)
    message(FATAL_ERROR "${header} or lib${library}.so was not found (Debian: apt-get install ${package}).")
  endif()
  add_library(${target}::${target} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(${target}::${target} PROPERTIES
    IMPORTED_LOCATION "${${target}_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${${target}_INCLUDE}")
endfunction()

# A library that is all header, or is used as one.
function(oocmap_find_header target header package)
  find_path(${target}_INCLUDE ${header})
  if(NOT ${target}_INCLUDE)
    message(FATAL_ERROR "${header} was not found (Debian: apt-get install ${package}).")
  endif()
  add_library(${target}::${target} INTERFACE IMPORTED GLOBAL)
  set_target_properties(${target}::${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${${target}_INCLUDE}")
endfunction()

oocmap_find_library(lmdb lmdb.h lmdb liblmdb-dev)
oocmap_find_library(gmp gmp.h gmp libgmp-dev)
oocmap_find_header(xxhash xxhash.h libxxhash-dev)
oocmap_find_header(rapidjson rapidjson/reader.h rapidjson-dev)
if(OOCMAP_SQLITE)
  oocmap_find_library(sqlite3 sqlite3ext.h sqlite3 libsqlite3-dev)
endif()
