#include "text/tokenizer/tokenizer_json.h"

#include <simdjson.h>

#include <algorithm>
#include <array>

#include "core/error.h"

namespace roberta {

namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;

/// Reads fields of one JSON object and says in errors where it is.
class Fields {
 public:
  Fields(element value, std::string where, std::string path)
      : where_(std::move(where)), path_(std::move(path)) {
    if (value.get(object_) != simdjson::SUCCESS) bad("", "must be an object");
  }

  [[noreturn]] void bad(std::string_view name, std::string_view what) const {
    fail(ErrorCode::kModel, where_, ": ", path_.empty() && name.empty() ? "the document" : "", path_,
         path_.empty() || name.empty() ? "" : ".", name, " ", what);
  }
  /// The field, or nothing when it is absent or null.
  std::optional<element> find(std::string_view name) const {
    element value;
    if (object_.at_key(name).get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
    return value;
  }
  element need(std::string_view name) const {
    const auto value = find(name);
    if (!value) bad(name, "is missing");
    return *value;
  }
  Fields need_object(std::string_view name) const { return Fields(need(name), where_, path_of(name)); }
  array need_array(std::string_view name) const {
    array value;
    if (need(name).get(value) != simdjson::SUCCESS) bad(name, "must be an array");
    return value;
  }
  bool flag(std::string_view name, bool otherwise) const {
    const auto value = find(name);
    bool result = otherwise;
    if (value && value->get(result) != simdjson::SUCCESS) bad(name, "must be true or false");
    return result;
  }
  std::optional<std::string_view> text(std::string_view name) const {
    const auto value = find(name);
    if (!value) return std::nullopt;
    std::string_view result;
    if (value->get(result) != simdjson::SUCCESS) bad(name, "must be a string");
    return result;
  }
  std::string_view need_text(std::string_view name) const {
    need(name);
    return *text(name);
  }
  const object& raw() const { return object_; }
  const std::string& where() const { return where_; }
  std::string path_of(std::string_view name) const {
    return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
  }

 private:
  object object_;
  std::string where_, path_;
};

int32_t as_id(element value, const Fields& at, std::string_view name) {
  uint64_t id = 0;
  if (value.get(id) != simdjson::SUCCESS) at.bad(name, "must be a token id");
  if (id > static_cast<uint64_t>(kMaxVocabularyId))
    at.bad(name, concat("has id ", id, "; ids up to ", kMaxVocabularyId, " are supported"));
  return static_cast<int32_t>(id);
}

void read_vocabulary(element value, const std::string& where, const std::string& path, TokenizerSpec& spec) {
  const Fields fields(value, where, path);
  Vocabulary& vocabulary = spec.vocabulary;
  vocabulary.reserve(fields.raw().size());
  for (const auto& [token, id_value] : fields.raw()) {
    const int32_t id = as_id(id_value, fields, token);
    if (token.size() > kMaxTokenBytes)
      fields.bad(concat("(id ", id, ")"), "is a token of more than 65535 bytes");
    if (vocabulary.contains(id) && vocabulary.token(id) != token)
      fields.bad(token, concat("has id ", id, ", as has '", vocabulary.token(id), "'"));
    vocabulary.add(token, id);
  }
}

/// Turns the merges' strings into ids, some at a time so that the look-ups overlap.
class MergeReader {
 public:
  MergeReader(const std::string& where, TokenizerSpec& spec) : where_(where), spec_(spec) {}

  /// The strings must stay where they are until finish().
  void add(std::string_view left, std::string_view right) {
    parts_[3 * pending_] = left;
    parts_[3 * pending_ + 1] = right;
    if (++pending_ == kBlock) finish();
  }
  /// A merge written as "left right".
  void add_line(std::string_view line) {
    const size_t blank = line.find(' ');
    if (blank == std::string_view::npos || line.find(' ', blank + 1) != std::string_view::npos)
      fail(ErrorCode::kModel, where_, ": merge ", spec_.merges.size() + pending_ + 1, " ('",
           line.substr(0, 80), "') must be two tokens with one space between");
    add(line.substr(0, blank), line.substr(blank + 1));
  }
  void finish() {
    joined_.clear();
    for (size_t i = 0; i < pending_; ++i) joined_.append(parts_[3 * i]).append(parts_[3 * i + 1]);
    for (size_t i = 0, at = 0; i < pending_; ++i) {
      const size_t bytes = parts_[3 * i].size() + parts_[3 * i + 1].size();
      parts_[3 * i + 2] = std::string_view(joined_).substr(at, bytes);
      at += bytes;
    }
    int32_t ids[3 * kBlock];
    spec_.vocabulary.find_many({parts_.data(), 3 * pending_}, ids);
    for (size_t i = 0; i < pending_; ++i) {
      for (size_t k = 0; k < 3; ++k) {
        if (ids[3 * i + k] < 0)
          fail(ErrorCode::kModel, where_, ": merge ", spec_.merges.size() + 1, " has '", parts_[3 * i + k],
               "', which is not in the vocabulary");
      }
      spec_.merges.push_back({ids[3 * i], ids[3 * i + 1]});
      spec_.merged_ids.push_back(ids[3 * i + 2]);
    }
    if (spec_.merges.size() > static_cast<size_t>(kMaxMerges))
      fail(ErrorCode::kModel, where_, ": too many merges");
    pending_ = 0;
  }

 private:
  static constexpr size_t kBlock = Vocabulary::kMany / 3;
  const std::string& where_;
  TokenizerSpec& spec_;
  std::array<std::string_view, 3 * kBlock> parts_;  // left, right, joined
  std::string joined_;
  size_t pending_ = 0;
};

void read_merges(const Fields& model, TokenizerSpec& spec) {
  const array merges = model.need_array("merges");
  spec.merges.reserve(merges.size());
  spec.merged_ids.reserve(merges.size());
  MergeReader reader(model.where(), spec);
  for (const element merge : merges) {
    std::string_view line;
    if (merge.get(line) == simdjson::SUCCESS) {
      if (!line.starts_with("#version")) reader.add_line(line);
      continue;
    }
    array parts;
    std::string_view left, right;
    if (merge.get(parts) != simdjson::SUCCESS || parts.size() != 2 ||
        parts.at(0).get(left) != simdjson::SUCCESS || parts.at(1).get(right) != simdjson::SUCCESS)
      model.bad("merges", "has an entry that is neither \"left right\" nor [\"left\", \"right\"]");
    reader.add(left, right);
  }
  reader.finish();
}

void read_model(const Fields& model, TokenizerSpec& spec) {
  const std::string_view type = model.text("type").value_or("BPE");
  if (type != "BPE") model.bad("type", concat("is '", type, "'; only byte-level BPE is supported"));
  if (const auto dropout = model.find("dropout")) {
    double rate = 0;
    if (dropout->get(rate) != simdjson::SUCCESS || rate != 0)
      model.bad("dropout", "must be null: encoding with dropout is not supported");
  }
  for (const std::string_view name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const std::string_view value = model.text(name).value_or("");
    if (!value.empty()) model.bad(name, concat("is '", value, "'; byte-level BPE has none"));
  }
  if (model.flag("byte_fallback", false))
    model.bad("byte_fallback", "is true; that is SentencePiece's BPE, not byte-level BPE");
  spec.fuse_unk = model.flag("fuse_unk", false);
  spec.ignore_merges = model.flag("ignore_merges", false);
  if (const auto unk = model.text("unk_token")) spec.unk_token = std::string(*unk);
  read_vocabulary(model.need("vocab"), model.where(), "model.vocab", spec);
  read_merges(model, spec);
}

void read_added_tokens(const Fields& root, TokenizerSpec& spec) {
  if (!root.find("added_tokens")) return;
  size_t number = 0;
  for (const element value : root.need_array("added_tokens")) {
    const Fields fields(value, root.where(), concat("added_tokens[", number++, "]"));
    AddedToken token;
    token.content = fields.need_text("content");
    if (token.content.size() > kMaxTokenBytes) fields.bad("content", "is longer than 65535 bytes");
    token.special = fields.flag("special", false);
    token.lstrip = fields.flag("lstrip", false);
    token.rstrip = fields.flag("rstrip", false);
    token.normalized = fields.flag("normalized", !token.special);
    token.single_word = fields.flag("single_word", false);
    spec.added_tokens.push_back(std::move(token));
  }
}

void read_pre_tokenizer(Fields fields, TokenizerSpec& spec) {
  if (fields.need_text("type") == "Sequence") {
    const array steps = fields.need_array("pretokenizers");
    if (steps.size() != 1)
      fields.bad("pretokenizers", "has several steps; only one, ByteLevel, is supported");
    fields = Fields(*steps.begin(), fields.where(), fields.path_of("pretokenizers[0]"));
  }
  const std::string_view type = fields.need_text("type");
  if (type != "ByteLevel")
    fields.bad("type", concat("is '", type, "'; only byte-level BPE (ByteLevel) is supported"));
  spec.add_prefix_space = fields.flag("add_prefix_space", true);
  spec.split_words = fields.flag("use_regex", true);
}

void read_normalizer(const Fields& root) {
  const auto value = root.find("normalizer");
  if (!value) return;
  const Fields fields(*value, root.where(), "normalizer");
  const std::string_view type = fields.need_text("type");
  if (type == "Sequence" && fields.need_array("normalizers").size() == 0) return;
  fields.bad("type", concat("is '", type, "'; byte-level BPE as RoBERTa uses it has no normalizer"));
}

using Kind = TemplatePiece::Kind;

/// ["</s>", 2]
int32_t special_pair(const Fields& fields, std::string_view name) {
  const array pair = fields.need_array(name);
  element id;
  if (pair.size() != 2 || pair.at(1).get(id) != simdjson::SUCCESS) fields.bad(name, "must be [token, id]");
  return as_id(id, fields, name);
}

std::vector<TemplatePiece> read_template(const Fields& fields, std::string_view name) {
  std::vector<TemplatePiece> pieces;
  size_t firsts = 0, seconds = 0;
  for (const element value : fields.need_array(name)) {
    const Fields piece(value, fields.where(), concat(fields.path_of(name), "[", pieces.size(), "]"));
    if (piece.find("Sequence")) {
      const std::string_view id = piece.need_object("Sequence").need_text("id");
      if (id != "A" && id != "B") piece.bad("Sequence.id", "must be A or B");
      ++(id == "A" ? firsts : seconds);
      pieces.push_back({id == "A" ? Kind::kFirst : Kind::kSecond, {}});
      continue;
    }
    const std::string_view id = piece.need_object("SpecialToken").need_text("id");
    const Fields token = fields.need_object("special_tokens").need_object(id);
    TemplatePiece special{Kind::kSpecial, {}};
    for (const element token_id : token.need_array("ids"))
      special.ids.push_back(as_id(token_id, token, "ids"));
    pieces.push_back(std::move(special));
  }
  const size_t wanted = name == "pair" ? 1 : 0;
  if (firsts != 1 || seconds != wanted)
    fields.bad(name, wanted == 1 ? "must use sequences A and B once each"
                                 : "must use sequence A, once, and no other");
  return pieces;
}

void read_post_processor(const Fields& fields, TokenizerSpec& spec) {
  const std::string_view type = fields.need_text("type");
  if (type == "RobertaProcessing" || type == "BertProcessing") {
    const int32_t sep = special_pair(fields, "sep"), cls = special_pair(fields, "cls");
    const bool roberta = type == "RobertaProcessing";
    spec.single = {{Kind::kSpecial, {cls}}, {Kind::kFirst, {}}, {Kind::kSpecial, {sep}}};
    spec.pair = {{Kind::kSpecial, {cls}},
                 {Kind::kFirst, {}},
                 {Kind::kSpecial, roberta ? std::vector<int32_t>{sep, sep} : std::vector<int32_t>{sep}},
                 {Kind::kSecond, {}},
                 {Kind::kSpecial, {sep}}};
    if (!roberta) return;
  } else if (type == "TemplateProcessing") {
    spec.single = read_template(fields, "single");
    spec.pair = read_template(fields, "pair");
    return;
  } else if (type == "Sequence") {  // ByteLevel (trimming) and then one that frames
    size_t number = 0;
    for (const element value : fields.need_array("processors")) {
      const Fields step(value, fields.where(), concat(fields.path_of("processors["), number++, "]"));
      if (step.need_text("type") == "Sequence")
        step.bad("type", "is a Sequence within a Sequence, which is not supported");
      if (number > 2 || (number == 2 && step.need_text("type") == "ByteLevel"))
        fields.bad("processors", "must be ByteLevel and one that frames, which is all that is supported");
      read_post_processor(step, spec);
    }
    return;
  } else if (type != "ByteLevel") {
    fields.bad("type", concat("is '", type, "', which is not supported"));
  }
  spec.trim_offsets = fields.flag("trim_offsets", true);
  spec.prefix_space_trims = fields.flag("add_prefix_space", true);
}

void read_decoder(const Fields& root, TokenizerSpec& spec) {
  spec.byte_level_decoder = root.find("decoder").has_value();
  if (!spec.byte_level_decoder) return;
  const Fields decoder = root.need_object("decoder");
  const std::string_view type = decoder.need_text("type");
  if (type != "ByteLevel")
    decoder.bad("type", concat("is '", type, "'; only byte-level BPE (ByteLevel) is supported"));
}

void check_frame_ids(const Fields& root, const TokenizerSpec& spec) {
  const auto known_end = static_cast<size_t>(spec.vocabulary.id_end()) + spec.added_tokens.size();
  for (const auto* frame : {&spec.single, &spec.pair})
    for (const TemplatePiece& piece : *frame)
      for (const int32_t id : piece.ids)
        if (static_cast<size_t>(id) >= known_end)
          root.bad("post_processor", concat("uses id ", id, ", which no token has"));
}

element parse(simdjson::dom::parser& parser, std::string_view json, const std::string& where) {
  element root;
  const auto error = parser.parse(json.data(), json.size()).get(root);
  if (error != simdjson::SUCCESS)
    fail(ErrorCode::kModel, where, ": not valid JSON (", simdjson::error_message(error),
         "); the file is damaged: download it again");
  return root;
}

}  // namespace

TokenizerSpec parse_tokenizer_json(std::string_view json, const std::string& where) {
  simdjson::dom::parser parser;
  const Fields root(parse(parser, json, where), where, "");
  const std::string_view version = root.text("version").value_or("1.0");
  if (version != "1.0") root.bad("version", concat("is '", version, "'; 1.0 is supported"));
  TokenizerSpec spec;
  const Fields model = root.need_object("model");
  const std::string_view type = model.text("type").value_or("BPE");
  if (type != "BPE") model.bad("type", concat("is '", type, "'; only byte-level BPE is supported"));
  if (!root.find("pre_tokenizer"))
    root.bad("pre_tokenizer", "is null; only byte-level BPE (ByteLevel) is supported");
  read_normalizer(root);
  read_pre_tokenizer(root.need_object("pre_tokenizer"), spec);
  read_decoder(root, spec);
  read_model(model, spec);
  read_added_tokens(root, spec);
  spec.trim_offsets = false;
  if (const auto value = root.find("post_processor")) {
    read_post_processor(Fields(*value, where, "post_processor"), spec);
    spec.post_processor_json = simdjson::minify(*value);
  } else {
    spec.post_processor_json = "null";
  }
  check_frame_ids(root, spec);
  return spec;
}

TokenizerSpec parse_vocab_and_merges(std::string_view vocab_json, std::string_view merges_txt,
                                     const std::string& where) {
  TokenizerSpec spec;
  simdjson::dom::parser parser;
  const std::string vocab_where = where + "/vocab.json", merges_where = where + "/merges.txt";
  read_vocabulary(parse(parser, vocab_json, vocab_where), vocab_where, "", spec);
  spec.merges.reserve(static_cast<size_t>(std::count(merges_txt.begin(), merges_txt.end(), '\n')));
  MergeReader reader(merges_where, spec);
  while (!merges_txt.empty()) {
    const size_t stop = merges_txt.find('\n');
    std::string_view line = merges_txt.substr(0, stop);
    merges_txt.remove_prefix(stop == std::string_view::npos ? merges_txt.size() : stop + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("#version") || (line.empty() && merges_txt.empty())) continue;
    reader.add_line(line);
  }
  reader.finish();
  return spec;
}

}  // namespace roberta
