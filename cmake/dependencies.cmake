# Everything here is a Debian package that scripts/bootstrap.sh installs.
# zlib, zstd and yaml-cpp are linked from their archives where these exist, so that the program needs fewer files to run;
# a shared libroberta can't take archives that may not be position independent.
if(ROBERTA_STATIC_DEPENDENCIES AND NOT BUILD_SHARED_LIBS)
  set(ZLIB_USE_STATIC_LIBS ON)
  set(zstd_NAMES libzstd.a)
endif()

# Their own version files call newer minor versions incompatible.
macro(find_at_least name version)
  find_package(${name} REQUIRED)
  if(${name}_VERSION VERSION_LESS ${version})
    message(FATAL_ERROR "${name} ${version} or newer is needed; this is ${${name}_VERSION}")
  endif()
endmacro()

find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_at_least(simdjson 3.0)
find_package(ZLIB REQUIRED)
find_package(zstd REQUIRED MODULE)
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)

# The server needs headers of Boost alone (Asio, Beast). Looked for by name: CMake's own search differs from version to
# version of either.
if(ROBERTA_BUILD_CLI OR ROBERTA_BUILD_TESTS OR ROBERTA_BUILD_FUZZ)
  find_path(BOOST_INCLUDE_DIR boost/beast/http/basic_parser.hpp REQUIRED)
  file(STRINGS ${BOOST_INCLUDE_DIR}/boost/version.hpp boost_version REGEX "^#define BOOST_VERSION [0-9]+")
  string(REGEX MATCH "[0-9]+" boost_version "${boost_version}")
  if(boost_version LESS 107400)
    message(FATAL_ERROR "Boost 1.74 or newer is needed; ${BOOST_INCLUDE_DIR}/boost/version.hpp says ${boost_version}")
  endif()
endif()

if(ROBERTA_BUILD_CLI)
  find_at_least(yaml-cpp 0.7)
  if(NOT TARGET yaml-cpp::yaml-cpp)  # yaml-cpp 0.7 calls it yaml-cpp
    add_library(yaml-cpp::yaml-cpp INTERFACE IMPORTED)
    find_library(YAML_CPP_ARCHIVE libyaml-cpp.a)
    if(YAML_CPP_ARCHIVE AND ROBERTA_STATIC_DEPENDENCIES AND NOT BUILD_SHARED_LIBS)
      set_target_properties(yaml-cpp::yaml-cpp PROPERTIES INTERFACE_LINK_LIBRARIES ${YAML_CPP_ARCHIVE})
    else()
      set_target_properties(yaml-cpp::yaml-cpp PROPERTIES INTERFACE_LINK_LIBRARIES yaml-cpp)
    endif()
  endif()
endif()

# Only the module for runs of several processes needs it (src/comm/mpi).
option(ROBERTA_MPI "Build the module for runs of several processes, where MPI is found" ON)
if(ROBERTA_MPI)
  set(MPI_CXX_SKIP_MPICXX ON)
  find_package(MPI QUIET COMPONENTS CXX)
  if(NOT MPI_CXX_FOUND)
    message(STATUS "MPI is not found: runs of several processes are left out")
  endif()
endif()
