#include "server/http/response_writer.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace roberta::server {
namespace {

constexpr std::pair<int, std::string_view> kPhrases[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {424, "Failed Dependency"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

void append_field(std::string& out, std::string_view name, std::string_view value) {
  const size_t begin = out.size();
  out += name;
  out += ": ";
  out += value;
  std::replace_if(
      out.begin() + static_cast<ptrdiff_t>(begin), out.end(),
      [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }, ' ');
  out += "\r\n";
}

}  // namespace

std::string_view reason_phrase(int status) {
  for (const auto& [number, phrase] : kPhrases)
    if (number == status) return phrase;
  return "Unknown";
}

std::string_view body_of(const HttpResponse& response) {
  return response.static_body.empty() ? std::string_view(response.body) : response.static_body;
}

bool may_have_body(int status) { return status >= 200 && status != 204 && status != 304; }

std::string head_text(const HttpResponse& response, const HeadOptions& facts) {
  std::string out;
  out.reserve(512);
  out += "HTTP/1.1 ";
  out += std::to_string(response.status);
  out += ' ';
  out += reason_phrase(response.status);
  out += "\r\nServer: roberta\r\n";
  append_field(out, "Date", facts.date);
  if (may_have_body(response.status)) {
    if (!response.content_type.empty()) append_field(out, "Content-Type", response.content_type);
    append_field(out, "Content-Length", std::to_string(body_of(response).size()));
  }
  if (!facts.keep_alive)
    out += "Connection: close\r\n";
  else if (facts.http10)
    out += "Connection: keep-alive\r\n";
  for (const auto& [name, value] : response.headers) append_field(out, name, value);
  out += "\r\n";
  return out;
}

}  // namespace roberta::server
