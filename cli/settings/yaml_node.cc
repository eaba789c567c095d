#include "cli/settings/yaml_node.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "io/json/json_text.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;  // yaml-cpp builds a tree of nodes, so memory must be bounded
constexpr int kMaxDepth = 64;

/// A nested value as JSON; scalars become strings, whatever they look like.
void append_tree(std::string& out, const YAML::Node& node, const std::string& where) {
  const bool is_map = node.IsMap();
  if (node.IsScalar()) return append_json_string(out, node.Scalar());
  if (!is_map && !node.IsSequence()) throw Error(ErrorCode::kUsage, where + ": an entry has no value");
  out += is_map ? '{' : '[';
  bool first = true;
  const auto separate = [&] {
    out += first ? "" : ",";
    first = false;
  };
  if (is_map) {
    for (const auto& pair : node) {
      separate();
      if (!pair.first.IsScalar()) throw Error(ErrorCode::kUsage, where + ": a key is not a plain string");
      append_json_string(out, pair.first.Scalar());
      out += ':';
      append_tree(out, pair.second, where);
    }
  } else {
    for (const YAML::Node& item : node) {
      separate();
      append_tree(out, item, where);
    }
  }
  out += is_map ? '}' : ']';
}

}  // namespace

std::string read_yaml_text(const std::filesystem::path& file, const std::string& what) {
  const std::string name = what + " " + file.string();
  std::ifstream in(file, std::ios::binary);
  std::string text;
  if (in && !std::filesystem::is_directory(file)) {
    text.resize(kMaxFileBytes + 1);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(in.gcount()));
  } else {
    throw Error(ErrorCode::kUsage,
                name + ": cannot be read: " + (in ? "it is a directory" : std::strerror(errno)));
  }
  if (text.size() > kMaxFileBytes)
    throw Error(ErrorCode::kUsage, name + ": the file is larger than the limit of 1 MiB");
  // yaml-cpp parses nested flow collections recursively, so the depth is checked first.
  int depth = 0;
  for (char c : text) {
    depth += (c == '[' || c == '{') - (c == ']' || c == '}');
    if (depth > kMaxDepth)
      throw Error(ErrorCode::kUsage, name + ": nested deeper than " + std::to_string(kMaxDepth));
  }
  return text;
}

std::string location_of(const YAML::Node& node, const std::string& file) {
  return file + ":" + std::to_string(node.Mark().line + 1);  // yaml-cpp counts from 0
}

std::string yaml_value(const YAML::Node& node, const Option& option, const std::string& where) {
  if (option.type == Type::kTree && !node.IsNull()) {
    std::string tree;
    append_tree(tree, node, where);
    return tree;
  }
  if (node.IsScalar()) return node.Scalar();
  if (node.IsNull()) throw Error(ErrorCode::kUsage, where + " has no value");
  if (node.IsSequence()) {
    std::string joined;
    for (const YAML::Node& item : node) {
      if (!item.IsScalar())
        throw Error(ErrorCode::kUsage, where + ": the list has an element that is not a plain value");
      joined += (joined.empty() ? "" : ",") + item.Scalar();
    }
    return joined;
  }
  throw Error(ErrorCode::kUsage, where + ": expected a plain value or a list, got a mapping");
}

}  // namespace roberta::cli
