#include "text/tokenizer/tokenizer_impl.h"

#include <algorithm>
#include <unordered_map>

#include "core/error.h"
#include "core/utf8.h"
#include "text/tokenizer/byte_alphabet.h"

namespace roberta {

StatePool::~StatePool() {
  for (auto& slot : slots_) delete slot.load();
}

size_t StatePool::slot_of_thread() {
  static std::atomic<size_t> next{0};
  thread_local const size_t slot = next.fetch_add(1) % kSlots;
  return slot;
}

std::unique_ptr<EncodeState> StatePool::take() {
  const size_t first = slot_of_thread();
  for (size_t i = 0; i < kSlots; ++i) {
    auto& slot = slots_[(first + i) % kSlots];
    if (slot.load(std::memory_order_relaxed) == nullptr) continue;
    if (EncodeState* state = slot.exchange(nullptr)) return std::unique_ptr<EncodeState>(state);
  }
  return std::make_unique<EncodeState>();
}

void StatePool::give_back(std::unique_ptr<EncodeState> state) {
  const size_t first = slot_of_thread();
  for (size_t i = 0; i < kSlots && state; ++i) {
    EncodeState* expected = nullptr;
    if (slots_[(first + i) % kSlots].compare_exchange_strong(expected, state.get())) state.release();
  }
}

namespace {

/// Gives added tokens the ids that the reference gives them: the entry's own where the vocabulary has the
/// string, the next free one after it otherwise. Of a repeated string the last properties count.
void assign_ids(TokenizerSpec& spec, const std::string& where) {
  std::vector<AddedToken> kept;
  std::unordered_map<std::string, size_t> index_of;
  int64_t next = spec.vocabulary.size();
  for (AddedToken& token : spec.added_tokens) {
    if (token.content.empty()) continue;
    const auto found = index_of.find(token.content);
    if (found != index_of.end()) {
      token.id = kept[found->second].id;
      token.special = token.special || kept[found->second].special;
      kept[found->second] = token;
      continue;
    }
    const auto known = spec.vocabulary.find(token.content);
    const int64_t id = known ? *known : next++;
    if (id > kMaxVocabularyId)
      fail(ErrorCode::kModel, where, ": added token '", token.content, "' gets id ", id, ", too large");
    token.id = static_cast<int32_t>(id);
    index_of.emplace(token.content, kept.size());
    kept.push_back(token);
  }
  spec.added_tokens = std::move(kept);
}

TokenizerSpec prepared(TokenizerSpec spec, const std::string& where) {
  assign_ids(spec, where);
  return spec;
}

Bpe::Options bpe_options(const TokenizerSpec& spec, const std::string& where) {
  Bpe::Options options;
  options.fuse_unk = spec.fuse_unk;
  options.ignore_merges = spec.ignore_merges;
  if (spec.unk_token) {
    const auto id = spec.vocabulary.find(*spec.unk_token);
    if (!id) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string spelling;
        append_byte_char(spelling, static_cast<uint8_t>(byte));
        if (!spec.vocabulary.find(spelling))
          fail(ErrorCode::kModel, where, ": model.unk_token '", *spec.unk_token,
               "' is not in the vocabulary, nor is byte ", byte);
      }
      return options;
    }
    options.unk_id = *id;
  }
  return options;
}

uint16_t count16(size_t count) { return static_cast<uint16_t>(std::min<size_t>(count, kMaxTokenBytes)); }

/// Characters of a token's spelling, and how many blanks it begins and ends with. For trimming, a blank is
/// the alphabet's 'Ġ' or white space itself.
Tokenizer::Impl::TokenInfo describe(std::string_view token) {
  Tokenizer::Impl::TokenInfo info;
  info.bytes = count16(count_code_points(token));
  const auto blanks = [](std::string_view text, bool at_end) {
    size_t count = 0;
    while (!text.empty()) {
      const bool marked = at_end ? text.ends_with("\u0120") : text.starts_with("\u0120");
      size_t bytes = 2;
      if (!marked) {
        const char edge = at_end ? text.back() : text.front();
        if (static_cast<uint8_t>(edge) < 0x80 && edge != ' ' && (edge < '\t' || edge > '\r')) break;
        const size_t spaces = at_end ? trailing_spaces(text) : leading_spaces(text);
        if (spaces == 0) break;
        const char* p = at_end ? text.data() + text.size() - 1 : text.data();
        bytes = 1;
        if (at_end) {
          while (is_continuation(*p)) --p, ++bytes;
        } else {
          while (bytes < text.size() && is_continuation(p[bytes])) ++bytes;
        }
      }
      if (at_end)
        text.remove_suffix(bytes);
      else
        text.remove_prefix(bytes);
      ++count;
    }
    return count;
  };
  info.leading = count16(blanks(token, false));
  info.trailing = count16(blanks(token, true));
  return info;
}

}  // namespace

Tokenizer::Impl::Impl(TokenizerSpec specification, const std::string& where)
    : spec(prepared(std::move(specification), where)),
      bpe(spec.vocabulary, spec.merges, std::move(spec.merged_ids), bpe_options(spec, where), where),
      matcher(spec.added_tokens) {
  int32_t id_end = spec.vocabulary.id_end();
  for (const AddedToken& token : spec.added_tokens) id_end = std::max(id_end, token.id + 1);
  info.resize(static_cast<size_t>(id_end));
  added_of_id.assign(static_cast<size_t>(id_end), -1);
  special_of_id.assign(static_cast<size_t>(id_end), 0);
  for (int32_t id = 0; id < spec.vocabulary.id_end(); ++id) {
    if (spec.vocabulary.contains(id)) info[static_cast<size_t>(id)] = describe(spec.vocabulary.token(id));
  }
  entries = spec.vocabulary.size();
  for (size_t i = 0; i < spec.added_tokens.size(); ++i) {
    const AddedToken& token = spec.added_tokens[i];
    added_of_id[static_cast<size_t>(token.id)] = static_cast<int32_t>(i);
    special_of_id[static_cast<size_t>(token.id)] = token.special;
    entries += !spec.vocabulary.find(token.content);
  }
  bool every_byte = true;
  for (int byte = 0; byte < 256 && every_byte; ++byte) {
    std::string spelling;
    append_byte_char(spelling, static_cast<uint8_t>(byte));
    every_byte = spec.vocabulary.find(spelling).has_value();
  }
  if (!every_byte) {
    exact_lengths = spec.unk_token.has_value() && !spec.fuse_unk;
    if (spec.unk_token) {
      TokenInfo& unknown = info[static_cast<size_t>(*spec.vocabulary.find(*spec.unk_token))];
      unknown.bytes = 1;  // stands for one byte, whatever its spelling
    }
  }
  const auto id_of = [&](const std::string& name) { return find(name).value_or(-1); };
  bos = id_of(spec.bos_token);
  eos = id_of(spec.eos_token);
  pad = id_of(spec.pad_token);
  unk = id_of(spec.unk_name);
  mask = id_of(spec.mask_token);
}

const std::string* Tokenizer::Impl::token(int32_t id) const {
  if (id < 0 || static_cast<size_t>(id) >= added_of_id.size()) return nullptr;
  const int32_t added = added_of_id[static_cast<size_t>(id)];
  if (added >= 0) return &spec.added_tokens[static_cast<size_t>(added)].content;
  return spec.vocabulary.contains(id) ? &spec.vocabulary.token(id) : nullptr;
}

std::optional<int32_t> Tokenizer::Impl::find(std::string_view token) const {
  if (const auto id = spec.vocabulary.find(token)) return id;
  for (const AddedToken& added : spec.added_tokens) {
    if (added.content == token) return added.id;
  }
  return std::nullopt;
}

void use_roberta_frame(TokenizerSpec& spec) {
  for (const std::string* name :
       {&spec.bos_token, &spec.pad_token, &spec.eos_token, &spec.unk_name, &spec.mask_token}) {
    if (!spec.vocabulary.find(*name)) continue;
    const bool is_mask = name == &spec.mask_token;
    spec.added_tokens.push_back({*name, -1, true, is_mask, false, !is_mask, false});
  }
  const auto bos = spec.vocabulary.find(spec.bos_token), eos = spec.vocabulary.find(spec.eos_token);
  if (!bos || !eos)
    fail(ErrorCode::kModel, "[tokenizer] the vocabulary has no '", bos ? spec.eos_token : spec.bos_token,
         "'");
  using Kind = TemplatePiece::Kind;
  spec.single = {{Kind::kSpecial, {*bos}}, {Kind::kFirst, {}}, {Kind::kSpecial, {*eos}}};
  spec.pair = {{Kind::kSpecial, {*bos}},
               {Kind::kFirst, {}},
               {Kind::kSpecial, {*eos, *eos}},
               {Kind::kSecond, {}},
               {Kind::kSpecial, {*eos}}};
  spec.prefix_space_trims = spec.add_prefix_space;
}

Tokenizer make_tokenizer(TokenizerSpec spec, const std::string& where) {
  return Tokenizer(std::make_shared<const Tokenizer::Impl>(std::move(spec), "[tokenizer] " + where));
}

}  // namespace roberta
