// Text to tokens: pieces (added_tokens.h) -> words (pretokenize.h) -> tokens (word_cache.h, bpe.h).
// Words are handled in batches: first all keys are made and their cache lines prefetched, then they are
// looked up, so that the waits for memory overlap.
#include <algorithm>

#include "core/error.h"
#include "core/utf8.h"
#include "text/tokenizer/tokenizer_impl.h"

namespace roberta {

namespace {

constexpr size_t kBatch = 256;  // words

/// Calls sink.slot(word, slot) for words of at most kInlineIds tokens that the cache holds, and
/// sink.record(word, ids) or sink.pieces(word, pieces) for the rest. Without the cache always the last.
template <class Sink>
void encode_words_of(std::string_view text, const Tokenizer::Impl& impl, bool use_cache, EncodeState& state,
                     Sink& sink) {
  WordCache& cache = state.cache;
  uint32_t ends[kBatch];
  WordCache::Key keys[kBatch];
  const char* p = text.data();
  const char* const end = p + text.size();
  const auto merge = [&](std::string_view word) {
    state.word_pieces.clear();
    impl.bpe.merge(word, state.scratch, state.word_pieces);
    sink.pieces(word, state.word_pieces);
  };
  if (!impl.spec.split_words) {
    merge(text);
    return;
  }
  if (!use_cache) {
    for_each_pretoken(text, [&](const char* word, size_t bytes) { merge({word, bytes}); });
    return;
  }
  while (p != end) {
    const size_t count = scan_pretokens(p, end, ends, kBatch);
    uint32_t begin = 0;
    for (size_t i = 0; i < count; ++i) {
      keys[i] = WordCache::key_of(p + begin, ends[i] - begin, end);
      cache.prefetch(cache.home_of(keys[i]));
      begin = ends[i];
    }
    begin = 0;
    for (size_t i = 0; i < count; ++i) {
      const std::string_view word(p + begin, ends[i] - begin);
      begin = ends[i];
      const WordCache::Slot* slot = cache.find(keys[i], cache.home_of(keys[i]), word);
      if (slot != nullptr) [[likely]] {
        if (WordCache::count_of(*slot) != 0) [[likely]] {
          sink.slot(word, *slot);
        } else {
          sink.record(word, cache.long_ids(*slot));
        }
        continue;
      }
      merge(word);
      if (word.size() <= WordCache::kMaxWord) cache.insert(keys[i], word, state.word_pieces);
    }
    p += begin;
  }
}

/// Gathers ids in a small buffer, so that a word costs one store of four ids and no check of the vector's
/// room.
class IdSink {
 public:
  explicit IdSink(std::vector<int32_t>& ids) : ids_(ids) {}

  void slot(std::string_view, const WordCache::Slot& slot) {
    if (used_ > kRoom - WordCache::kInlineIds) flush();
    __builtin_memcpy(buffer_ + used_, slot.ids, sizeof slot.ids);
    buffer_[used_] &= 0xFFFFFF;
    used_ += WordCache::count_of(slot);
  }
  void record(std::string_view, std::span<const uint32_t> ids) {
    flush();
    ids_.insert(ids_.end(), ids.begin(), ids.end());
  }
  void pieces(std::string_view, const std::vector<WordPiece>& pieces) {
    if (used_ + pieces.size() > kRoom) flush();
    if (pieces.size() > kRoom) {
      for (const WordPiece& piece : pieces) ids_.push_back(piece.id);
    } else {
      for (const WordPiece& piece : pieces) buffer_[used_++] = static_cast<uint32_t>(piece.id);
    }
  }
  /// To be called at the end.
  void flush() {
    ids_.insert(ids_.end(), buffer_, buffer_ + used_);
    used_ = 0;
  }

 private:
  static constexpr size_t kRoom = 2048;
  std::vector<int32_t>& ids_;
  size_t used_ = 0;
  uint32_t buffer_[kRoom];
};

/// Appends tokens with offsets in code points. `at` is the code point that the next word begins with.
class TokenSink {
 public:
  TokenSink(const Tokenizer::Impl& impl, int64_t at, bool ascii, Sequence& sequence)
      : impl_(impl), at_(at), ascii_(ascii), sequence_(sequence) {}

  void slot(std::string_view word, const WordCache::Slot& slot) {
    uint32_t ids[WordCache::kInlineIds];
    __builtin_memcpy(ids, slot.ids, sizeof ids);
    ids[0] &= 0xFFFFFF;
    record(word, {ids, WordCache::count_of(slot)});
  }
  void record(std::string_view word, std::span<const uint32_t> ids) {
    start(word);
    for (const uint32_t id : ids) add(static_cast<int32_t>(id), impl_.info[id].bytes);
    finish();
  }
  void pieces(std::string_view word, const std::vector<WordPiece>& pieces) {
    start(word);
    for (const WordPiece& piece : pieces) add(piece.id, piece.bytes);
    finish();
  }

 private:
  void start(std::string_view word) {
    word_ = word;
    done_ = 0;
    if (sequence_.pretokens >= 0) ++sequence_.pretokens;
    plain_ = ascii_ ||
             std::none_of(word.begin(), word.end(), [](char c) { return static_cast<signed char>(c) < 0; });
  }
  void add(int32_t id, size_t bytes) {
    const size_t next = std::min(done_ + bytes, word_.size());
    int64_t begin = at_;
    if (plain_) {
      at_ += static_cast<int64_t>(next - done_);
    } else {  // a token that begins inside a character has that character's beginning
      begin -= done_ < word_.size() && is_continuation(word_[done_]) ? 1 : 0;
      for (size_t i = done_; i < next; ++i) at_ += is_continuation(word_[i]) ? 0 : 1;
    }
    done_ = next;
    // The blank that add_prefix_space puts before a text (at code point -1) has the offset of the text's
    // first character.
    const auto& info = impl_.info[static_cast<size_t>(id)];
    sequence_.ids.push_back(id);
    sequence_.offsets.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(at_)});
    sequence_.spaces.push_back({info.leading, info.trailing});
    if (sequence_.pretokens >= 0) sequence_.words.push_back(sequence_.pretokens - 1);
  }
  void finish() {  // bytes without tokens remain
    for (; done_ < word_.size(); ++done_) at_ += is_continuation(word_[done_]) ? 0 : 1;
  }

  const Tokenizer::Impl& impl_;
  int64_t at_;
  const bool ascii_;
  Sequence& sequence_;
  std::string_view word_;
  size_t done_ = 0;  // bytes of word_ that have their tokens
  bool plain_ = true;
};

bool is_ascii(std::string_view text) {
  unsigned char all = 0;
  for (const char c : text) all = static_cast<unsigned char>(all | static_cast<unsigned char>(c));
  return all < 0x80;
}

std::string_view checked(std::string_view text, std::string& storage) {
  if (text.size() >= 0xFFFFFFF0u)
    fail(ErrorCode::kInput, "[tokenizer] a text of 4 GiB or more; encode it in parts");
  return repaired_utf8(text, storage);
}

/// The text with a blank before it, unless it has one.
std::string_view with_prefix(std::string_view text, bool wanted, std::string& storage) {
  if (!wanted || text.starts_with(' ')) return text;
  storage.assign(1, ' ').append(text);
  return storage;
}

}  // namespace

void Tokenizer::Impl::append_ids(std::string_view text, bool parse_special, bool add_prefix_space,
                                 EncodeState& state, std::vector<int32_t>& ids) const {
  matcher.split(checked(text, state.repaired), parse_special, state.text_pieces);
  for (const TextPiece& piece : state.text_pieces) {
    if (piece.id >= 0) {
      ids.push_back(piece.id);
      continue;
    }
    IdSink sink(ids);
    const std::string_view words = with_prefix(piece.text, add_prefix_space, state.prefixed);
    encode_words_of(words, *this, true, state, sink);
    sink.flush();
  }
}

void Tokenizer::Impl::append_tokens(std::string_view text, bool parse_special, bool add_prefix_space,
                                    EncodeState& state, Sequence& sequence) const {
  text = checked(text, state.repaired);
  const bool ascii = is_ascii(text);
  matcher.split(text, parse_special, state.text_pieces);
  int64_t at = 0;
  const size_t guess = sequence.ids.size() + text.size() / 4 + 8;
  sequence.ids.reserve(guess);
  sequence.offsets.reserve(guess);
  sequence.spaces.reserve(guess);
  for (const TextPiece& piece : state.text_pieces) {
    const auto chars = static_cast<int64_t>(ascii ? piece.text.size() : count_code_points(piece.text));
    if (piece.id >= 0) {
      sequence.ids.push_back(piece.id);
      sequence.offsets.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(at + chars)});
      sequence.spaces.push_back({static_cast<uint32_t>(leading_spaces(piece.text)),
                                 static_cast<uint32_t>(trailing_spaces(piece.text))});
      if (sequence.pretokens >= 0) sequence.words.push_back(sequence.pretokens++);
    } else {
      const std::string_view words = with_prefix(piece.text, add_prefix_space, state.prefixed);
      const bool prefixed = words.data() != piece.text.data();
      const size_t first = sequence.ids.size();
      TokenSink sink(*this, prefixed ? at - 1 : at, ascii, sequence);
      encode_words_of(words, *this, exact_lengths, state, sink);
      if (prefixed) {  // the blank before the text has the offset of the text's first character
        for (size_t i = first; i < sequence.ids.size(); ++i) {
          Offset& offset = sequence.offsets[i];
          const bool before = static_cast<int32_t>(offset.begin - static_cast<uint32_t>(at)) < 0;
          if (before) offset.begin = static_cast<uint32_t>(at);
          if (offset.end == static_cast<uint32_t>(at)) offset.end = static_cast<uint32_t>(at + 1);
          if (!before) break;
        }
      }
    }
    at += chars;
  }
}

}  // namespace roberta
