# Precompiled headers: a third of the compile time. One set for the library and the program, one for the tests, which are compiled
# with other flags. GCC alone: with clang they'd have to be made for each target.
option(ROBERTA_PRECOMPILED_HEADERS "Parse the slow headers once (GCC)" ON)
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(ROBERTA_PRECOMPILED_HEADERS OFF)
endif()

# roberta_precompiled_set(name header...): a set of headers for roberta_use_precompiled.
function(roberta_precompiled_set name)
  file(CONFIGURE OUTPUT ${name}.cc CONTENT "" @ONLY)
  add_library(${name} OBJECT ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
  target_link_libraries(${name} PRIVATE roberta_dependencies)
  target_precompile_headers(${name} PRIVATE ${ARGN})
endfunction()

# roberta_use_precompiled(target set)
function(roberta_use_precompiled target set)
  if(ROBERTA_PRECOMPILED_HEADERS)
    target_precompile_headers(${target} REUSE_FROM ${set})
    # A precompiled header forgets the pragmas by which libstdc++ silences these in its own code.
    target_compile_options(${target} PRIVATE -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
  endif()
endfunction()

if(ROBERTA_PRECOMPILED_HEADERS)
  roberta_precompiled_set(roberta_precompiled ${CMAKE_SOURCE_DIR}/cmake/precompiled.h)
endif()
