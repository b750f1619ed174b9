# Two generated headers, in the build tree under the path they are included by:
#   core/base/version.h    kVersion, from pyproject.toml
#   core/base/build_id.h   kBuildId, a hash of every source that makes up oocmap.so and the Python module.
# Two builds that could differ have different ids, so the module can refuse an oocmap.so it was not built with.
# Include build_id.h in as few files as possible: each of them is compiled again after every change.

set(OOCMAP_GENERATED "${PROJECT_BINARY_DIR}/generated")
set(build_id_header "${OOCMAP_GENERATED}/core/base/build_id.h")

configure_file("${PROJECT_SOURCE_DIR}/cmake/version.h.in" "${OOCMAP_GENERATED}/core/base/version.h" @ONLY)

# The same globs as the targets have, and headers; CONFIGURE_DEPENDS for the same reason.
file(GLOB_RECURSE hashed CONFIGURE_DEPENDS
  "${PROJECT_SOURCE_DIR}/core/*.h" "${PROJECT_SOURCE_DIR}/core/*.cc"
  "${PROJECT_SOURCE_DIR}/sqlite_ext/*.h" "${PROJECT_SOURCE_DIR}/sqlite_ext/*.cc"
  "${PROJECT_SOURCE_DIR}/python/native/*.h" "${PROJECT_SOURCE_DIR}/python/native/*.cc")
string(JOIN "\n" hashed_lines ${hashed})
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/build_id_sources.txt" CONTENT "${hashed_lines}\n" @ONLY)

add_custom_command(
  OUTPUT "${build_id_header}.stamp"
  BYPRODUCTS "${build_id_header}"
  COMMAND ${CMAKE_COMMAND}
    "-DROOT=${PROJECT_SOURCE_DIR}" "-DLIST=${PROJECT_BINARY_DIR}/build_id_sources.txt" "-DHEADER=${build_id_header}"
    "-DSALT=${PROJECT_VERSION} ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} ${CMAKE_BUILD_TYPE} ${OOCMAP_SANITIZE}"
    -P "${PROJECT_SOURCE_DIR}/cmake/WriteBuildId.cmake"
  COMMAND ${CMAKE_COMMAND} -E touch "${build_id_header}.stamp"
  DEPENDS ${hashed} "${PROJECT_BINARY_DIR}/build_id_sources.txt" "${PROJECT_SOURCE_DIR}/cmake/WriteBuildId.cmake"
  COMMENT "Hashing the sources into a build id"
  VERBATIM)
add_custom_target(oocmap_generated_headers DEPENDS "${build_id_header}.stamp")
