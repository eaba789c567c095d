# `cmake --install` makes a prefix that can be moved: program, library, headers, CMake package, pkg-config file.
include(CMakePackageConfigHelpers)

# Shared libraries that a bare system lacks lie in a folder of our own, so that a prefix such as /usr/local hides nobody's.
set(roberta_bundle_dir ${CMAKE_INSTALL_LIBDIR}/roberta)
file(RELATIVE_PATH roberta_bin_to_lib /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
set(roberta_program_rpath "$ORIGIN/${roberta_bin_to_lib}" "$ORIGIN/${roberta_bin_to_lib}/roberta")
set_target_properties(roberta PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
                                         INSTALL_RPATH "$ORIGIN;$ORIGIN/roberta")

if(BUILD_SHARED_LIBS)
  set(roberta_dependency_set RUNTIME_DEPENDENCY_SET roberta_shared)
endif()
install(TARGETS roberta EXPORT robertaTargets ${roberta_dependency_set}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET roberta_mpi)
  install(TARGETS roberta_mpi LIBRARY DESTINATION ${roberta_bundle_dir})
endif()
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
  set(roberta_pc_libs_private "-lstdc++ -lm -lpthread")
endif()
file(RELATIVE_PATH roberta_pc_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/roberta.pc.in roberta.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/roberta.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(TARGET roberta_program)
  set_target_properties(roberta_program PROPERTIES INSTALL_RPATH "${roberta_program_rpath}")
  install(TARGETS roberta_program RUNTIME_DEPENDENCY_SET roberta_shared RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  # The program writes its own man pages and completions.
  install(CODE "
    set(bindir \"${CMAKE_INSTALL_BINDIR}\")
    set(mandir \"${CMAKE_INSTALL_MANDIR}\")
    set(datadir \"${CMAKE_INSTALL_DATADIR}\")")
  install(SCRIPT cmake/install_pages.cmake)
endif()

if(ROBERTA_BUNDLE AND (BUILD_SHARED_LIBS OR TARGET roberta_program))
  install(RUNTIME_DEPENDENCY_SET roberta_shared
          PRE_INCLUDE_REGEXES "^lib(simdjson|yaml-cpp|zstd|z)\\.so" PRE_EXCLUDE_REGEXES ".*"
          DESTINATION ${roberta_bundle_dir})
endif()
