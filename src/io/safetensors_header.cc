// The header of a safetensors file: JSON to checked tensors. Every rule here was compared with safetensors
// 0.8.0 on crafted files (tools/make_safetensors_corpus.py); the order of the checks is that library's own.
#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <optional>
#include <unordered_set>

#include "core/checked.h"
#include "core/error.h"
#include "core/strings.h"
#include "core/utf8.h"
#include "io/json/json_scanner.h"
#include "io/safetensors.h"
#include "io/safetensors_format.h"

namespace roberta {

namespace {

struct FormatDType {
  std::string_view name;
  int bits;
  DType dtype;
};
constexpr std::array<FormatDType, 22> kDTypes = {{
    {"BOOL", 8, DType::kOther},        {"F4", 4, DType::kOther},          {"F6_E2M3", 6, DType::kOther},
    {"F6_E3M2", 6, DType::kOther},     {"U8", 8, DType::kOther},          {"I8", 8, DType::kOther},
    {"F8_E5M2", 8, DType::kOther},     {"F8_E4M3", 8, DType::kOther},     {"F8_E8M0", 8, DType::kOther},
    {"F8_E4M3FNUZ", 8, DType::kOther}, {"F8_E5M2FNUZ", 8, DType::kOther}, {"I16", 16, DType::kOther},
    {"U16", 16, DType::kOther},        {"F16", 16, DType::kF16},          {"BF16", 16, DType::kBF16},
    {"I32", 32, DType::kI32},          {"U32", 32, DType::kOther},        {"F32", 32, DType::kF32},
    {"C64", 64, DType::kOther},        {"F64", 64, DType::kF64},          {"I64", 64, DType::kI64},
    {"U64", 64, DType::kOther},
}};

const FormatDType* find_dtype(std::string_view name) {
  const auto* found =
      std::find_if(kDTypes.begin(), kDTypes.end(), [&](const auto& d) { return d.name == name; });
  return found == kDTypes.end() ? nullptr : found;
}

// C0, DEL and, in UTF-8, C1: names go to terminals and logs.
bool has_control(std::string_view name) {
  for (size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    if (c < 0x20 || c == 0x7F) return true;
    if (c == 0xC2 && i + 1 < name.size() && static_cast<unsigned char>(name[i + 1]) < 0xA0) return true;
  }
  return false;
}

/// Reads the JSON into tensors in the order of the text, offsets as written.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, bool strict) : scan_(text), strict_(strict) {}

  std::vector<TensorInfo> parse(std::map<std::string, std::string>& metadata) {
    std::vector<TensorInfo> tensors;
    std::string name;
    bool first = true, seen_metadata = false;
    scan_.enter('{');
    while (scan_.next_item(first, '}')) {
      scan_.key(name);
      if (name == "__metadata__") {
        if (seen_metadata) scan_.fail_here("duplicate field '__metadata__'");
        seen_metadata = true;
        parse_metadata(metadata);
        continue;
      }
      if (tensors.size() == kMaxSafetensorsTensors) {
        scan_.fail_here(concat("more than ", kMaxSafetensorsTensors, " tensors"));
      }
      TensorInfo& tensor = tensors.emplace_back();
      tensor.name = name;
      if (has_control(name)) fail_tensor(tensor, "has a control character in its name");
      parse_tensor(tensor);
    }
    scan_.end();
    return tensors;
  }

 private:
  [[noreturn]] void fail_tensor(const TensorInfo& tensor, const std::string& message) const {
    scan_.fail_here(concat("tensor '", printable(tensor.name), "' ", message));
  }

  void parse_metadata(std::map<std::string, std::string>& metadata) {
    if (scan_.peek() == 'n') return scan_.null();
    std::string key, value;
    bool first = true;
    scan_.enter('{');
    while (scan_.next_item(first, '}')) {
      scan_.key(key);
      if (scan_.peek() != '"') scan_.fail_here("__metadata__ field '" + printable(key) + "' is not a string");
      scan_.string(value);
      if (!metadata.insert_or_assign(key, value).second && strict_) {
        scan_.fail_here("duplicate __metadata__ field '" + printable(key) + "'");
      }
    }
  }

  // The reference implementation also reads ["F32", [1], [0, 4]] and {"dtype": {"F32": null}, ...}: so does
  // this one.
  void parse_tensor(TensorInfo& tensor) {
    bool first = true;
    if (scan_.peek() == '[') {
      scan_.enter('[');
      for (int field = 0; field < 3; ++field) {
        if (!scan_.next_item(first, ']')) fail_tensor(tensor, "has too few fields");
        parse_field(tensor, field);
      }
      if (scan_.next_item(first, ']')) fail_tensor(tensor, "has too many fields");
      return;
    }
    if (scan_.peek() != '{') fail_tensor(tensor, "is not an object");
    static constexpr std::array<std::string_view, 3> kFields = {"dtype", "shape", "data_offsets"};
    std::array<bool, 3> seen{};
    std::unordered_set<std::string> others;
    scan_.enter('{');
    while (scan_.next_item(first, '}')) {
      scan_.key(key_);
      const auto field = std::find(kFields.begin(), kFields.end(), key_) - kFields.begin();
      if (field == 3) {
        if (strict_ && !others.insert(key_).second)
          fail_tensor(tensor, "has a duplicate field '" + printable(key_) + "'");
        scan_.skip();
        continue;
      }
      if (seen[field]) fail_tensor(tensor, "has field '" + key_ + "' twice");
      seen[field] = true;
      parse_field(tensor, static_cast<int>(field));
    }
    for (int i = 0; i < 3; ++i) {
      if (!seen[i]) fail_tensor(tensor, concat("has no field '", kFields[i], "'"));
    }
  }

  void parse_field(TensorInfo& tensor, int field) {
    if (field == 0) return parse_dtype(tensor);
    if (field == 1) return parse_shape(tensor);
    parse_offsets(tensor);
  }

  void parse_dtype(TensorInfo& tensor) {
    if (scan_.peek() == '{') {
      bool first = true;
      scan_.enter('{');
      if (!scan_.next_item(first, '}')) fail_tensor(tensor, "has no dtype");
      scan_.key(tensor.dtype_name);
      scan_.null();
      if (scan_.next_item(first, '}')) fail_tensor(tensor, "has two dtypes");
    } else {
      if (scan_.peek() != '"') fail_tensor(tensor, "has a dtype that is not a string");
      scan_.string(tensor.dtype_name);
    }
    const FormatDType* dtype = find_dtype(tensor.dtype_name);
    if (!dtype) fail_tensor(tensor, "has the unknown dtype '" + printable(tensor.dtype_name) + "'");
    tensor.dtype = dtype->dtype;
  }

  void parse_shape(TensorInfo& tensor) {
    bool first = true;
    if (scan_.peek() != '[') fail_tensor(tensor, "has a shape that is not a list");
    scan_.enter('[');
    while (scan_.next_item(first, ']')) {
      const std::optional<uint64_t> size = scan_.number();
      if (!size)
        fail_tensor(tensor, "has a dimension that is not a whole number, is negative or is too large");
      tensor.shape.push_back(
          static_cast<int64_t>(*size));  // above 2^63: negative here, corrected in check_layout
    }
  }

  void parse_offsets(TensorInfo& tensor) {
    bool first = true;
    if (scan_.peek() != '[') fail_tensor(tensor, "has data_offsets that are not a list");
    scan_.enter('[');
    for (uint64_t* out : {&tensor.begin, &tensor.end}) {
      if (!scan_.next_item(first, ']')) fail_tensor(tensor, "has too few data_offsets");
      const std::optional<uint64_t> offset = scan_.number();
      if (!offset)
        fail_tensor(tensor, "has a data_offset that is not a whole number, is negative or is too large");
      *out = *offset;
    }
    if (scan_.next_item(first, ']')) fail_tensor(tensor, "has more than two data_offsets");
  }

  JsonScanner scan_;
  bool strict_;
  std::string key_;
};

[[noreturn]] void fail_file(const std::string& file, const std::string& message) {
  fail(ErrorCode::kModel, "[safetensors] ", file, ": ", message,
       "; the file is damaged or truncated: download it again");
}

// Of tensors with the same name the reference keeps the last.
void drop_duplicates(std::vector<TensorInfo>& tensors, bool strict, const std::string& file) {
  std::vector<uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return tensors[a].name < tensors[b].name; });
  std::vector<bool> drop(tensors.size());
  bool any = false;
  for (size_t i = 1; i < order.size(); ++i) {
    if (tensors[order[i - 1]].name != tensors[order[i]].name) continue;
    if (strict) {
      fail(ErrorCode::kModel, "[safetensors] ", file, ": duplicate tensor '",
           printable(tensors[order[i]].name), "', which the format forbids");
    }
    drop[order[i - 1]] = any = true;
  }
  if (!any) return;
  std::vector<TensorInfo> kept;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (!drop[i]) kept.push_back(std::move(tensors[i]));
  }
  tensors = std::move(kept);
}

std::optional<uint64_t> size_in_bits(const TensorInfo& tensor) {
  uint64_t elements = 1;
  for (const int64_t size : tensor.shape) {
    const auto product = checked_mul(elements, static_cast<uint64_t>(size));
    if (!product) return std::nullopt;
    elements = *product;
  }
  return checked_mul(elements, static_cast<uint64_t>(find_dtype(tensor.dtype_name)->bits));
}

// Sorted by offset, tensors must follow one another without gap or overlap up to the end of the file.
void check_layout(std::vector<TensorInfo>& tensors, uint64_t data_begin, uint64_t file_size,
                  const std::string& file) {
  std::stable_sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t at = 0;
  for (TensorInfo& tensor : tensors) {
    const auto reject = [&](const auto&... why) {
      fail_file(file, concat("tensor '", printable(tensor.name), "': ", why...));
    };
    if (tensor.begin != at || tensor.end < tensor.begin) {
      reject("data_offsets [", tensor.begin, ", ", tensor.end, "] ",
             tensor.begin < at   ? "overlap another tensor"
             : tensor.begin > at ? "leave a hole"
                                 : "are reversed");
    }
    const auto bits = size_in_bits(tensor);
    if (!bits) reject("shape is too large");
    if (*bits % 8 != 0) reject(*bits, " bits are not a whole number of bytes");
    if (*bits / 8 != tensor.end - tensor.begin) {
      reject("shape and dtype need ", *bits / 8, " bytes, data_offsets give ", tensor.end - tensor.begin);
    }
    at = tensor.end;
  }
  if (at != file_size - data_begin) {
    fail_file(file, concat("the tensors have ", at, " bytes, the file has ", file_size - data_begin,
                           " after its header"));
  }
  for (TensorInfo& tensor : tensors) {
    tensor.begin += data_begin;
    tensor.end += data_begin;
    // The size fits the file, so a dimension above 2^63 stands beside one of 0, and what it says doesn't
    // matter.
    for (int64_t& size : tensor.shape) size = size < 0 ? std::numeric_limits<int64_t>::max() : size;
  }
}

}  // namespace

int64_t TensorInfo::elements() const {
  // The parser has checked the product; but it counts an overflow before a 0 as an error and one after a 0
  // not.
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

uint64_t safetensors_header_length(std::span<const std::byte> first_bytes, uint64_t file_size,
                                   const std::string& file_name) {
  if (file_size < 8 || first_bytes.size() < 8)
    fail_file(file_name, concat("has ", file_size, " bytes, too few for a header"));
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | std::to_integer<uint64_t>(first_bytes[i]);
  if (length > kMaxSafetensorsHeader) {
    fail(ErrorCode::kModel, "[safetensors] ", file_name, ": the header would have ", length,
         " bytes, more than ", kMaxSafetensorsHeader, ": is this a safetensors file?");
  }
  if (length > file_size - 8) {
    fail_file(file_name, concat("the header should have ", length, " bytes, the file has ", file_size - 8,
                                " after the length"));
  }
  return length;
}

std::vector<TensorInfo> parse_safetensors_header(std::span<const std::byte> first_bytes, uint64_t file_size,
                                                 bool strict_format,
                                                 std::map<std::string, std::string>* metadata,
                                                 const std::string& file_name) {
  const uint64_t length = safetensors_header_length(first_bytes, file_size, file_name);
  if (first_bytes.size() - 8 < length) fail_file(file_name, "the header is truncated");
  const std::string_view text(reinterpret_cast<const char*>(first_bytes.data()) + 8, length);
  if (!is_valid_utf8(text)) fail_file(file_name, "the header is not UTF-8");
  if (strict_format && !text.starts_with('{')) {
    fail(ErrorCode::kModel, "[safetensors] ", file_name,
         ": the header's first byte is not '{', which the format forbids");
  }
  std::map<std::string, std::string> found_metadata;
  std::vector<TensorInfo> tensors;
  try {
    tensors = HeaderParser(text, strict_format).parse(found_metadata);
  } catch (const JsonScanError& error) {
    fail_file(file_name, concat("header byte ", error.offset, ": ", error.message));
  }
  drop_duplicates(tensors, strict_format, file_name);
  check_layout(tensors, 8 + length, file_size, file_name);
  if (metadata) *metadata = std::move(found_metadata);
  return tensors;
}

}  // namespace roberta
