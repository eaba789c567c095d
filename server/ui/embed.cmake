# The page and /openapi.json as bytes in the library; included by server/CMakeLists.txt.
configure_file(${CMAKE_CURRENT_SOURCE_DIR}/openapi.json.in ${CMAKE_CURRENT_BINARY_DIR}/openapi.json @ONLY)
set(ui_files ${CMAKE_CURRENT_BINARY_DIR}/openapi.json)
foreach(name index.html docs.html style.css icon.svg app.js charts.js client.js docs.js dom.js tasks.js)
  list(APPEND ui_files ${CMAKE_CURRENT_SOURCE_DIR}/ui/${name})
endforeach()
add_custom_command(
  OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/ui_files.cc
  COMMAND ${CMAKE_COMMAND} -DOUTPUT=${CMAKE_CURRENT_BINARY_DIR}/ui_files.cc "-DFILES=${ui_files}"
          -P ${CMAKE_SOURCE_DIR}/cmake/embed_files.cmake
  DEPENDS ${ui_files} ${CMAKE_SOURCE_DIR}/cmake/embed_files.cmake
  COMMENT "Embedding the page" VERBATIM)
target_sources(roberta_server PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/ui_files.cc)
