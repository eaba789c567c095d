# `cmake --install` makes a prefix that can be moved: program, library, headers, CMake package, pkg-config file.
include(CMakePackageConfigHelpers)

# Shared libraries that a bare system lacks lie in a folder of our own, so that a prefix such as /usr/local hides nobody's.
set(roberta_bundle_dir ${CMAKE_INSTALL_LIBDIR}/roberta)
file(RELATIVE_PATH roberta_bin_to_lib /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
set(roberta_program_rpath "$ORIGIN/${roberta_bin_to_lib}" "$ORIGIN/${roberta_bin_to_lib}/roberta")
set_target_properties(roberta PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
                                         INSTALL_RPATH "$ORIGIN;$ORIGIN/roberta")

install(TARGETS roberta EXPORT robertaTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/roberta DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(roberta_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/roberta)
install(EXPORT robertaTargets NAMESPACE roberta:: DESTINATION ${roberta_package_dir})
configure_package_config_file(cmake/robertaConfig.cmake.in robertaConfig.cmake INSTALL_DESTINATION ${roberta_package_dir})
write_basic_package_version_file(robertaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/robertaConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/robertaConfigVersion.cmake
              cmake/Findzstd.cmake
        DESTINATION ${roberta_package_dir})

# A static library needs its own libraries at the consumer's link; a shared one brings them along.
if(BUILD_SHARED_LIBS)
  set(roberta_pc_requires_private "")
  set(roberta_pc_libs_private "")
else()
  set(roberta_pc_requires_private "simdjson zlib libzstd")
  set(roberta_pc_libs_private "-lgomp -lstdc++ -lm -lpthread")
endif()
file(RELATIVE_PATH roberta_pc_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/roberta.pc.in roberta.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/roberta.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(ROBERTA_BUNDLE)
  # Under the name that the loader asks for (libsimdjson.so.14), which may be a link to the file.
  foreach(library simdjson gomp)
    if(library STREQUAL "simdjson")
      get_target_property(file simdjson::simdjson IMPORTED_LOCATION_RELWITHDEBINFO)
      if(NOT file)
        get_target_property(file simdjson::simdjson LOCATION)
      endif()
    else()
      set(file ${OpenMP_gomp_LIBRARY})
    endif()
    if(file MATCHES "\\.so")
      execute_process(COMMAND ${CMAKE_OBJDUMP} -p ${file} OUTPUT_VARIABLE header ERROR_QUIET)
      if(header MATCHES "SONAME +([^ \n]+)")
        file(REAL_PATH ${file} real_file)
        install(FILES ${real_file} DESTINATION ${roberta_bundle_dir} RENAME ${CMAKE_MATCH_1})
      endif()
    endif()
  endforeach()
endif()

if(TARGET roberta_cli)
  set_target_properties(roberta_cli PROPERTIES INSTALL_RPATH "${roberta_program_rpath}")
  install(TARGETS roberta_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
