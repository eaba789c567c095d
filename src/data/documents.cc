#include "data/documents.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "core/strings.h"
#include "core/utf8.h"

namespace roberta {
namespace {

using Kind = EncodedDocument::Kind;

template <class Visit>
void for_each_line(std::string_view text, Visit visit) {
  for (size_t at = 0; at < text.size();) {
    const size_t newline = std::min(text.find('\n', at), text.size());
    visit(text.substr(at, newline - at));
    at = newline + 1;
  }
}

/// The text as it is tokenised and hashed: lines without white space at their end (fairseq: on both sides,
/// and no empty lines), joined by one line end.
void clean(std::string_view raw, Boundary boundary, std::string& out) {
  out.clear();
  size_t blank = 0;
  for_each_line(raw, [&](std::string_view line) {
    line = boundary == Boundary::kFairseq ? trimmed(line, kWhitespace) : trimmed_end(line, kWhitespace);
    if (line.empty()) {
      ++blank;
      return;
    }
    if (!out.empty()) out.append(boundary == Boundary::kFairseq ? 1 : 1 + blank, '\n');
    blank = 0;
    out += line;
  });
}

bool is_text(std::string_view text) {
  return is_valid_utf8(text) && std::memchr(text.data(), 0, text.size()) == nullptr;
}

/// Invalid bytes and NUL become U+FFFD.
std::string repair(std::string_view text) {
  std::string storage;
  std::string out;
  for (const char c : repaired_utf8(text, storage)) c == '\0' ? out += "\xEF\xBF\xBD" : out += c;
  return out;
}

}  // namespace

/// One batch while it is encoded.
class DocumentEncoder::Work {
 public:
  Work(const DocumentEncoder& encoder, const TextBatch& batch, const std::string& name)
      : encoder_(encoder),
        options_(encoder.options_),
        batch_(batch),
        name_(name),
        line_(batch.position.line) {
    all_text_ = is_text(batch.text);
  }

  void text() {
    const std::string_view all = batch_.text;
    size_t begin = 0, end = 0;  // of the current document
    for (size_t at = 0; at < all.size();) {
      const size_t newline = std::min(all.find('\n', at), all.size() - 1) + 1;
      if (is_blank(all.substr(at, newline - at))) {
        documents(all.substr(begin, end - begin));
        begin = newline;
      }
      at = end = newline;
    }
    documents(all.substr(begin, end - begin));
    if (batch_.cut && !out_.documents.empty()) out_.documents.back().cut = true;
  }

  void json_lines(const std::string& field) {
    const std::string_view all = batch_.text;  // padded after its end
    for (size_t at = 0; at < all.size();) {
      const size_t newline = std::min(all.find('\n', at), all.size() - 1) + 1;
      const std::string_view line = all.substr(at, newline - at);
      at = newline;
      if (!is_blank(line)) json_line(line, field);
      ++line_;
    }
  }

  EncodedBatch finish() { return std::move(out_); }

 private:
  size_t offset_of(std::string_view part) const {
    return static_cast<size_t>(part.data() - batch_.text.data());
  }

  /// A document of lines, in parts where it is too long. Keeps line_ at its first line.
  void documents(std::string_view raw) {
    if (raw.empty()) {
      return;
    }
    const size_t begin = offset_of(raw);
    line_ += std::count(batch_.text.begin() + static_cast<ptrdiff_t>(counted_),
                        batch_.text.begin() + static_cast<ptrdiff_t>(begin), '\n');
    counted_ = begin;
    while (!raw.empty()) {
      const size_t end = raw.size() > kMaxDocumentBytes ? cut_point(raw) : raw.size();
      const std::string_view part = raw.substr(0, end);
      raw.remove_prefix(end);
      const int64_t after = line_ + std::count(part.begin(), part.end(), '\n');
      document(part, offset_of(part) + part.size(), after);
      if (!raw.empty()) out_.documents.back().cut = true;
      line_ = after;
      counted_ += part.size();
    }
  }

  void json_line(std::string_view line, const std::string& field) {
    const size_t end = offset_of(line) + line.size();
    std::string storage;
    bool repaired = false;
    if (!all_text_ && !is_text(line)) {
      if (!accept_bad(line, end, line_ + 1)) return;
      repaired = true;
      storage = repair(line);
      storage.reserve(storage.size() + simdjson::SIMDJSON_PADDING);
      line = storage;
    }
    simdjson::dom::element object;
    simdjson::error_code error = parser_.parse(line.data(), line.size(), false).get(object);
    std::string_view text;
    std::string what;
    if (error) {
      what = concat("not valid JSON: ", simdjson::error_message(error));
    } else if (!object.is_object()) {
      what = "not a JSON object";
    } else if (object[field].get(text)) {
      what = concat("has no text in field '", field, "'");
    }
    if (!what.empty()) return broken_line(what, end);
    document(text, end, line_ + 1);
    out_.documents.back().repaired |= repaired;
  }

  void broken_line(const std::string& what, size_t end) {
    const std::string message = concat("[input] ", name_, ":", line_, ": ", what);
    if (!options_.skip_errors) fail(ErrorCode::kInput, message);
    out_.complaints.push_back(message);
    put(Kind::kBrokenLine, end, line_ + 1);
  }

  EncodedDocument& put(Kind kind, size_t end, int64_t line_after) {
    EncodedDocument document;
    document.kind = kind;
    document.tokens_end = out_.ids.size();
    document.lines_end = out_.line_lengths.size();
    document.offset = batch_.position.offset + static_cast<int64_t>(end);
    document.line = line_after;
    return out_.documents.emplace_back(document);
  }

  /// Decides about a text with invalid bytes. True: repair it.
  bool accept_bad(std::string_view raw, size_t end, int64_t line_after) {
    if (options_.bad_text == BadText::kReplace) return true;
    if (options_.bad_text == BadText::kError) {
      size_t good = 0;  // whole lines before the bad byte
      int64_t line = line_;
      for (size_t newline; (newline = raw.find('\n', good)) != std::string_view::npos;
           good = newline + 1, ++line)
        if (!is_text(raw.substr(good, newline - good))) break;
      fail(ErrorCode::kInput, "[input] ", name_, ":", line,
           ": invalid UTF-8 or a NUL byte; repair the file, or let --invalid-utf8 replace or skip it");
    }
    put(Kind::kBadText, end, line_after);
    return false;
  }

  void document(std::string_view raw, size_t end, int64_t line_after) {
    std::string repaired;
    if (!(all_text_ && raw.data() >= batch_.text.data() &&
          raw.data() < batch_.text.data() + batch_.text.size()) &&
        !is_text(raw)) {
      if (!accept_bad(raw, end, line_after)) return;
      repaired = repair(raw);
      raw = repaired;
    }
    clean(raw, options_.boundary, text_);
    if (text_.empty()) {
      put(Kind::kEmpty, end, line_after).repaired = !repaired.empty();
      return;
    }
    const size_t tokens_begin = out_.ids.size();
    options_.boundary == Boundary::kDocument ? encode_card() : encode_fairseq();
    EncodedDocument& document = put(Kind::kText, end, line_after);
    document.repaired = !repaired.empty();
    document.hash = digest_of(std::string_view(text_));
    document.bytes = static_cast<int64_t>(text_.size());
    document.unknown =
        std::count(out_.ids.begin() + static_cast<ptrdiff_t>(tokens_begin), out_.ids.end(), encoder_.unk_);
  }

  /// A line ends after the token that contains the line end.
  void encode_card() {
    size_t line_begin = out_.ids.size();
    size_t at = line_begin + 1;
    out_.ids.push_back(encoder_.bos_);
    encoder_.tokenizer_.encode_ids(text_, out_.ids, false, false);
    for (; at < out_.ids.size(); ++at) {
      if (!encoder_.ends_line_[static_cast<size_t>(out_.ids[at])]) continue;
      out_.line_lengths.push_back(static_cast<uint32_t>(at + 1 - line_begin));
      line_begin = at + 1;
    }
    out_.ids.push_back(encoder_.eos_);
    out_.line_lengths.push_back(static_cast<uint32_t>(out_.ids.size() - line_begin));
  }

  void encode_fairseq() {
    for_each_line(text_, [&](std::string_view line) {
      const size_t begin = out_.ids.size();
      encoder_.tokenizer_.encode_ids(line, out_.ids, false, false);
      out_.ids.push_back(encoder_.eos_);
      out_.line_lengths.push_back(static_cast<uint32_t>(out_.ids.size() - begin));
    });
    out_.ids.push_back(encoder_.eos_);  // the empty line between documents
    out_.line_lengths.push_back(1);
  }

  const DocumentEncoder& encoder_;
  const EncodingOptions& options_;
  const TextBatch& batch_;
  const std::string& name_;
  int64_t line_;
  size_t counted_ = 0;  // bytes of the batch whose lines are in line_
  bool all_text_;
  simdjson::dom::parser parser_;
  std::string text_;
  EncodedBatch out_;

  friend class DocumentEncoder;
};

DocumentEncoder::DocumentEncoder(const Tokenizer& tokenizer, const EncodingOptions& options)
    : tokenizer_(tokenizer),
      options_(options),
      bos_(tokenizer.bos_id()),
      eos_(tokenizer.eos_id()),
      unk_(tokenizer.token_to_id("<unk>").value_or(-1)),
      ends_line_(static_cast<size_t>(tokenizer.vocab_size())) {
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id)
    ends_line_[static_cast<size_t>(id)] = tokenizer.id_to_token(id).find("\xC4\x8A") != std::string::npos;
}

EncodedBatch DocumentEncoder::encode(TextBatch& batch, TextFormat format, const std::string& field,
                                     const std::string& name) const {
  if (format == TextFormat::kJsonl) batch.text.reserve(batch.text.size() + simdjson::SIMDJSON_PADDING);
  Work work(*this, batch, name);
  try {
    format == TextFormat::kJsonl ? work.json_lines(field) : work.text();
  } catch (...) {
    work.out_.error = std::current_exception();
  }
  return work.finish();
}

}  // namespace roberta
