#include "roberta/tokenizer.h"

#include <algorithm>

#include "core/cpus.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/utf8.h"
#include "text/tokenizer/byte_alphabet.h"
#include "text/tokenizer/tokenizer_impl.h"

namespace roberta {

namespace {

/// Runs body(index, state) for 0..count on several threads; the first exception is rethrown.
template <class Body>
void for_each_parallel(size_t count, int threads, StatePool& states, Body body) {
  constexpr size_t kTexts = 16;  // per piece of work: enough to make the cost of taking one negligible
  const int64_t pieces = static_cast<int64_t>((count + kTexts - 1) / kTexts);
  parallel_for(threads > 0 ? threads : usable_cpus(), pieces, [&](int64_t piece, int) {
    const BorrowedState state(states);
    const size_t begin = static_cast<size_t>(piece) * kTexts;
    for (size_t i = begin; i < std::min(count, begin + kTexts); ++i) body(i, *state);
  });
}

void append_frame(const std::vector<TemplatePiece>& frame, bool before, std::vector<int32_t>& ids) {
  bool seen = false;
  for (const TemplatePiece& piece : frame) {
    if (piece.kind != TemplatePiece::Kind::kSpecial) {
      seen = true;
    } else if (seen != before) {
      ids.insert(ids.end(), piece.ids.begin(), piece.ids.end());
    }
  }
}

}  // namespace

Encoding Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  const BorrowedState state(impl_->states);
  Sequence sequence;
  if (options.return_words) sequence.pretokens = 0;
  impl_->append_tokens(text, options.parse_special_tokens,
                       options.add_prefix_space.value_or(add_prefix_space()), *state, sequence);
  return post_process(*impl_, sequence, nullptr, options, nullptr);
}

Encoding Tokenizer::encode_pair(std::string_view first, std::string_view second,
                                const EncodeOptions& options) const {
  const BorrowedState state(impl_->states);
  const bool prefix = options.add_prefix_space.value_or(add_prefix_space());
  Sequence sequences[2];
  if (options.return_words) sequences[0].pretokens = sequences[1].pretokens = 0;
  impl_->append_tokens(first, options.parse_special_tokens, prefix, *state, sequences[0]);
  impl_->append_tokens(second, options.parse_special_tokens, prefix, *state, sequences[1]);
  return post_process(*impl_, sequences[0], &sequences[1], options, nullptr);
}

std::vector<Encoding> Tokenizer::encode_batch(std::span<const std::string_view> texts,
                                              const EncodeOptions& options, int threads) const {
  std::vector<Encoding> encodings(texts.size());
  const bool prefix = options.add_prefix_space.value_or(add_prefix_space());
  for_each_parallel(texts.size(), threads, impl_->states, [&](size_t i, EncodeState& state) {
    Sequence sequence;
    if (options.return_words) sequence.pretokens = 0;
    impl_->append_tokens(texts[i], options.parse_special_tokens, prefix, state, sequence);
    encodings[i] = post_process(*impl_, sequence, nullptr, options, nullptr);
  });
  return encodings;
}

Encoding Tokenizer::encode_words(std::span<const std::string_view> words, std::vector<int32_t>& word_ids,
                                 const EncodeOptions& options) const {
  const BorrowedState state(impl_->states);
  const bool prefix = options.add_prefix_space.value_or(true);
  Sequence sequence;
  for (size_t i = 0; i < words.size(); ++i) {
    impl_->append_tokens(words[i], options.parse_special_tokens, prefix, *state, sequence);
    sequence.words.resize(sequence.ids.size(), static_cast<int32_t>(i));
  }
  word_ids.clear();
  return post_process(*impl_, sequence, nullptr, options, &word_ids);
}

void Tokenizer::encode_ids(std::string_view text, std::vector<int32_t>& ids, bool add_special_tokens,
                           bool parse_special_tokens) const {
  const BorrowedState state(impl_->states);
  if (add_special_tokens) append_frame(impl_->spec.single, true, ids);
  impl_->append_ids(text, parse_special_tokens, add_prefix_space(), *state, ids);
  if (add_special_tokens) append_frame(impl_->spec.single, false, ids);
}

void Tokenizer::encode_ids_batch(std::span<const std::string_view> texts, std::vector<int32_t>& ids,
                                 std::vector<int64_t>& starts, bool add_special_tokens,
                                 bool parse_special_tokens, int threads) const {
  // Groups of texts of some 256 KiB; each is encoded into its own vector, and these are joined in order.
  constexpr size_t kGroupBytes = size_t{256} << 10;
  std::vector<size_t> groups = {0};
  for (size_t i = 0, bytes = 0; i < texts.size(); ++i) {
    bytes += texts[i].size() + 16;
    if (bytes < kGroupBytes && i + 1 < texts.size()) continue;
    groups.push_back(i + 1);
    bytes = 0;
  }
  const size_t count = groups.size() - 1;
  std::vector<std::vector<int32_t>> parts(count);
  starts.assign(texts.size() + 1, 0);
  for_each_parallel(count, threads, impl_->states, [&](size_t group, EncodeState& state) {
    std::vector<int32_t>& part = parts[group];
    part.reserve(kGroupBytes / 4);
    for (size_t i = groups[group]; i < groups[group + 1]; ++i) {
      if (add_special_tokens) append_frame(impl_->spec.single, true, part);
      impl_->append_ids(texts[i], parse_special_tokens, add_prefix_space(), state, part);
      if (add_special_tokens) append_frame(impl_->spec.single, false, part);
      starts[i + 1] = static_cast<int64_t>(part.size());
    }
  });
  ids.clear();
  size_t total = 0;
  for (const auto& part : parts) total += part.size();
  ids.reserve(total);
  for (size_t group = 0; group < count; ++group) {
    const auto base = static_cast<int64_t>(ids.size());
    for (size_t i = groups[group]; i < groups[group + 1]; ++i) starts[i + 1] += base;
    ids.insert(ids.end(), parts[group].begin(), parts[group].end());
  }
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special_tokens) const {
  std::string bytes;
  bool first = true;
  for (const int32_t id : ids) {
    const std::string& token = id_to_token(id);
    if (skip_special_tokens && is_special(id)) continue;
    if (!impl_->spec.byte_level_decoder) {
      if (!first) bytes += ' ';
      bytes += token;
    } else if (!append_alphabet_bytes(token, bytes)) {
      bytes += token;  // an added token with characters outside the alphabet stands for itself
    }
    first = false;
  }
  std::string storage;
  const std::string_view text = repaired_utf8(bytes, storage);
  return text.data() == bytes.data() ? bytes : storage;
}

int32_t Tokenizer::vocab_size() const { return impl_->entries; }

std::optional<int32_t> Tokenizer::token_to_id(std::string_view token) const { return impl_->find(token); }

const std::string& Tokenizer::id_to_token(int32_t id) const {
  const std::string* token = impl_->token(id);
  if (token == nullptr)
    fail(ErrorCode::kInput, "[tokenizer] id ", id, " is outside the vocabulary of ", vocab_size());
  return *token;
}

const std::vector<AddedToken>& Tokenizer::added_tokens() const { return impl_->spec.added_tokens; }

bool Tokenizer::is_special(int32_t id) const {
  return id >= 0 && static_cast<size_t>(id) < impl_->special_of_id.size() &&
         impl_->special_of_id[static_cast<size_t>(id)] != 0;
}

namespace {

int32_t known(int32_t id, const std::string& name) {
  if (id < 0) fail(ErrorCode::kModel, "[tokenizer] the vocabulary has no token '", name, "'");
  return id;
}

}  // namespace

int32_t Tokenizer::bos_id() const { return known(impl_->bos, impl_->spec.bos_token); }
int32_t Tokenizer::eos_id() const { return known(impl_->eos, impl_->spec.eos_token); }
int32_t Tokenizer::pad_id() const { return known(impl_->pad, impl_->spec.pad_token); }
int32_t Tokenizer::unk_id() const { return known(impl_->unk, impl_->spec.unk_name); }
int32_t Tokenizer::mask_id() const { return known(impl_->mask, impl_->spec.mask_token); }
bool Tokenizer::has_mask() const { return impl_->mask >= 0; }
const std::string& Tokenizer::mask_token() const { return impl_->spec.mask_token; }
bool Tokenizer::add_prefix_space() const { return impl_->spec.add_prefix_space; }
std::optional<int64_t> Tokenizer::model_max_length() const { return impl_->spec.model_max_length; }

}  // namespace roberta
