#pragma once
// The files of the page and /openapi.json, embedded in the program; cmake/embed_files.cmake writes the table.

#include <span>
#include <string_view>

namespace roberta::server {

struct EmbeddedFile {
  std::string_view name;  ///< "app.js"
  std::string_view content_type;
  std::string_view etag;  ///< quoted; of the bytes
  std::string_view bytes;
};

std::span<const EmbeddedFile> ui_files();

}  // namespace roberta::server
