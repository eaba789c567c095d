# Writes files as a C++ table: cmake -DOUTPUT=out.cc "-DFILES=a.html;b.js" -DTABLE=... -P embed_files.cmake
# Each row is name, content type, ETag (of the bytes) and bytes; the type of a row is EmbeddedFile of server/ui/ui_files.h.
set(type_html "text/html; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_svg "image/svg+xml")
set(type_json "application/json")

string(REPEAT "[0-9a-f]" 128 line)  # 64 bytes
set(arrays "")
set(rows "")
set(count 0)
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME)
  string(REGEX MATCH "[a-z]+$" extension "${name}")
  if(NOT DEFINED type_${extension})
    message(FATAL_ERROR "embed_files: ${name}: no content type is known for .${extension}")
  endif()
  file(READ "${file}" bytes HEX)
  file(SHA256 "${file}" hash)
  string(SUBSTRING "${hash}" 0 16 hash)
  string(REGEX REPLACE "(${line})" "\\1\"\n    \"" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" bytes "${bytes}")
  string(APPEND arrays "constexpr char kBytes${count}[] =\n    \"${bytes}\";\n")
  string(APPEND rows "    {\"${name}\", \"${type_${extension}}\", \"\\\"${hash}\\\"\", {kBytes${count}, sizeof kBytes${count} - 1}},\n")
  math(EXPR count "${count} + 1")
endforeach()
file(WRITE "${OUTPUT}" "// Made by cmake/embed_files.cmake.
#include \"server/ui/ui_files.h\"

namespace roberta::server {
namespace {
${arrays}
constexpr EmbeddedFile kFiles[] = {
${rows}};
}  // namespace

std::span<const EmbeddedFile> ui_files() { return kFiles; }

}  // namespace roberta::server
")
