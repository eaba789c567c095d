# What the modules of src/ are made with.

# Third-party code that any module may use; tests of a module get it with the module.
add_library(roberta_dependencies INTERFACE)
target_include_directories(roberta_dependencies INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
target_include_directories(roberta_dependencies SYSTEM INTERFACE ${XXHASH_INCLUDE_DIR})
target_link_libraries(roberta_dependencies INTERFACE Threads::Threads nlohmann_json::nlohmann_json simdjson::simdjson ZLIB::ZLIB
                                                     zstd::zstd ${CMAKE_DL_LIBS})

# roberta_module(name SOURCES file... [DEPENDS module...]): a module, as a static library roberta_<name> of its own, so that it and
# its tests (the target <name>_tests) build without the modules above it. The library `roberta` holds the objects of all.
function(roberta_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPENDS")
  list(TRANSFORM arg_DEPENDS PREPEND roberta_)
  add_library(roberta_${name} STATIC ${arg_SOURCES})
  target_compile_features(roberta_${name} PUBLIC cxx_std_20)
  target_link_libraries(roberta_${name} PUBLIC ${arg_DEPENDS} roberta_dependencies)
  roberta_use_precompiled(roberta_${name} roberta_precompiled)
  target_sources(roberta PRIVATE $<TARGET_OBJECTS:roberta_${name}>)
endfunction()
