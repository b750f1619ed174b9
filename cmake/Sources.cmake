# Sources are found by folder, so that a new file needs no edit of any CMakeLists;
# CONFIGURE_DEPENDS makes the build look again, so that none is missed.
function(oocmap_sources out folder)
  file(GLOB found CONFIGURE_DEPENDS "${folder}/*.cc")
  set(${out} "${found}" PARENT_SCOPE)
endfunction()

# Adds the usual options to a target of ours. Includes are written from the root of the repository.
function(oocmap_target target)
  target_compile_options(${target} PRIVATE ${OOCMAP_WARNINGS})
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}" "${OOCMAP_GENERATED}")
  add_dependencies(${target} oocmap_generated_headers)
endfunction()
