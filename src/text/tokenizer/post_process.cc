// Truncation into windows, trimming of offsets, the frame of special tokens: in the reference's order, which
// affects the results (whether a window's first token keeps its blank).
#include <algorithm>

#include "core/error.h"
#include "text/tokenizer/tokenizer_impl.h"

namespace roberta {

namespace {

using Kind = TemplatePiece::Kind;

struct Window {
  size_t begin = 0, end = 0;  // tokens of a sequence
};
using Windows = std::vector<Window>;  // the one that is kept, then those that overflow

/// Cuts `count` tokens into windows of at most `length`, neighbours sharing `stride`.
Windows cut(size_t count, size_t length, size_t stride, bool from_left) {
  if (length >= count) return {{0, count}};
  if (length == 0) return {{0, 0}, {0, count}};
  if (stride >= length)
    fail(ErrorCode::kUsage, "[tokenizer] stride ", stride, " must be below the ", length,
         " tokens that a window has room for");
  Windows windows;
  const size_t step = length - stride;
  if (!from_left) {
    for (size_t begin = 0; windows.empty() || windows.back().end != count; begin += step)
      windows.push_back({begin, std::min(begin + length, count)});
  } else {
    for (size_t end = count; windows.empty() || windows.back().begin != 0; end -= step)
      windows.push_back({end > length ? end - length : 0, end});
  }
  return windows;
}

/// Room for the texts' tokens: max_length without what the frame adds.
size_t content_room(const std::vector<TemplatePiece>& frame, const EncodeOptions& options) {
  int64_t added = 0;
  if (options.add_special_tokens)
    for (const TemplatePiece& piece : frame) added += static_cast<int64_t>(piece.ids.size());
  if (options.max_length < added || options.stride < 0 || options.max_length - added < options.stride)
    fail(ErrorCode::kUsage, "[tokenizer] max_length ", options.max_length, " and stride ", options.stride,
         ": there must be room for the stride beside the ", added, " special tokens");
  return static_cast<size_t>(options.max_length - added);
}

/// How many tokens longest_first leaves of n1 and n2, whose sum is above `room`.
void share_room(size_t room, size_t& n1, size_t& n2) {
  const bool swap = n1 > n2;
  if (swap) std::swap(n1, n2);
  n2 = n1 > room ? n1 : std::max(n1, room - n1);
  if (n1 + n2 > room) {
    n1 = room / 2;
    n2 = n1 + room % 2;
  }
  if (swap) std::swap(n1, n2);
}

struct Cuts {
  Windows first, second;
};

Cuts truncate(size_t count1, size_t count2, bool is_pair, const std::vector<TemplatePiece>& frame,
              const EncodeOptions& options) {
  Cuts cuts{{{0, count1}}, {{0, count2}}};
  if (options.truncation == TruncationStrategy::kNone) return cuts;
  const size_t room = content_room(frame, options);
  const auto stride = static_cast<size_t>(options.stride);
  const auto shorten = [&](Windows& windows, size_t count, size_t length) {
    windows = cut(count, length, stride, options.truncate_left);
  };
  if (room == 0) {
    shorten(cuts.first, count1, 0);
    shorten(cuts.second, count2, 0);
    return cuts;
  }
  if (count1 + count2 <= room) return cuts;
  const size_t excess = count1 + count2 - room;
  if (options.truncation == TruncationStrategy::kLongestFirst) {
    size_t n1 = count1, n2 = count2;
    if (is_pair) {
      share_room(room, n1, n2);
    } else {
      n1 = room;
    }
    shorten(cuts.first, count1, n1);
    shorten(cuts.second, count2, n2);
    return cuts;
  }
  const bool first = options.truncation == TruncationStrategy::kOnlyFirst;
  if (!first && !is_pair) fail(ErrorCode::kUsage, "[tokenizer] truncation only_second needs a second text");
  const size_t count = first ? count1 : count2;
  if (count <= excess)
    fail(ErrorCode::kInput, "[tokenizer] the ", first ? "first" : "second", " text has ", count,
         " tokens, too few to cut ", excess, " of them; raise max_length or truncate longest_first");
  shorten(first ? cuts.first : cuts.second, count, count - excess);
  return cuts;
}

/// Offsets without the white space that a token begins or ends with. `at` is the token's index in its window.
Offset trimmed(Offset offset, TokenSpaces spaces, size_t at, bool keeps_prefix_space) {
  uint32_t leading = spaces.leading;
  if (leading == 1 && keeps_prefix_space && (at == 0 || offset.begin == 0)) leading = 0;
  offset.begin = std::min(offset.begin + leading, offset.end);
  if (spaces.trailing > 0 && offset.end >= spaces.trailing)
    offset.end = std::max(offset.end - spaces.trailing, offset.begin);
  return offset;
}

class Framer {
 public:
  Framer(const Tokenizer::Impl& impl, const std::vector<TemplatePiece>& frame, const Sequence& first,
         const Sequence* second, const EncodeOptions& options, bool keeps_prefix_space)
      : spec_(impl.spec),
        frame_(frame),
        first_(first),
        second_(second),
        add_special_(options.add_special_tokens),
        keeps_prefix_space_(keeps_prefix_space) {}

  Encoding encode(Window window1, Window window2, std::vector<int32_t>* words) const {
    Encoding out;
    if (first_.pretokens >= 0) words = &out.words;
    size_t total = window1.end - window1.begin + window2.end - window2.begin + 4;
    out.ids.reserve(total);
    out.offsets.reserve(total);
    out.special_tokens_mask.reserve(total);
    out.sequence_ids.reserve(total);
    for (const TemplatePiece& piece : frame_) {
      if (piece.kind == Kind::kSpecial) {
        if (add_special_) add_special(piece.ids, out, words);
      } else {
        const bool is_first = piece.kind == Kind::kFirst;
        add_text(is_first ? first_ : *second_, is_first ? window1 : window2, is_first ? 0 : 1, out, words);
      }
    }
    return out;
  }

 private:
  static void add_special(const std::vector<int32_t>& ids, Encoding& out, std::vector<int32_t>* words) {
    for (const int32_t id : ids) {
      out.ids.push_back(id);
      out.offsets.push_back({});
      out.special_tokens_mask.push_back(1);
      out.sequence_ids.push_back(-1);
      if (words != nullptr) words->push_back(-1);
    }
  }

  void add_text(const Sequence& from, Window window, int8_t sequence_id, Encoding& out,
                std::vector<int32_t>* words) const {
    const size_t before = out.ids.size(), count = window.end - window.begin;
    const auto begin = static_cast<std::ptrdiff_t>(window.begin),
               end = static_cast<std::ptrdiff_t>(window.end);
    out.ids.insert(out.ids.end(), from.ids.begin() + begin, from.ids.begin() + end);
    out.offsets.insert(out.offsets.end(), from.offsets.begin() + begin, from.offsets.begin() + end);
    out.special_tokens_mask.resize(before + count, 0);
    out.sequence_ids.resize(before + count, sequence_id);
    if (words != nullptr && !from.words.empty())
      words->insert(words->end(), from.words.begin() + begin, from.words.begin() + end);
    if (!spec_.trim_offsets) return;
    for (size_t i = 0; i < count; ++i) {
      const TokenSpaces spaces = from.spaces[window.begin + i];
      if (spaces.leading + spaces.trailing == 0) continue;
      Offset& offset = out.offsets[before + i];
      offset = trimmed(offset, spaces, i, keeps_prefix_space_);
    }
  }

  const TokenizerSpec& spec_;
  const std::vector<TemplatePiece>& frame_;
  const Sequence& first_;
  const Sequence* second_;
  bool add_special_, keeps_prefix_space_;
};

}  // namespace

Encoding post_process(const Tokenizer::Impl& impl, const Sequence& first, const Sequence* second,
                      const EncodeOptions& options, std::vector<int32_t>* word_ids) {
  const auto& frame = second != nullptr ? impl.spec.pair : impl.spec.single;
  const size_t count2 = second != nullptr ? second->ids.size() : 0;
  const Cuts cuts = truncate(first.ids.size(), count2, second != nullptr, frame, options);
  // Words get their blanks as from a tokenizer that is made for them, which knows that these aren't theirs.
  const bool words = word_ids != nullptr && !options.add_prefix_space;
  const Framer framer(impl, frame, first, second, options, words || impl.spec.prefix_space_trims);
  Encoding out = framer.encode(cuts.first[0], cuts.second[0], word_ids);
  if (!options.return_overflowing || cuts.first.size() + cuts.second.size() == 2) return out;
  // Every window of the text that the frame puts first, with every one of the other; then the kept one of the
  // former with the rest of the latter: the reference's order.
  const auto is_text = [](const TemplatePiece& piece) { return piece.kind != Kind::kSpecial; };
  const bool swapped = std::find_if(frame.begin(), frame.end(), is_text)->kind == Kind::kSecond;
  const Windows& outer = swapped ? cuts.second : cuts.first;
  const Windows& inner = swapped ? cuts.first : cuts.second;
  for (size_t i = 1; i <= outer.size(); ++i) {
    const size_t at = i == outer.size() ? 0 : i;  // the kept window comes last
    for (size_t k = at == 0 ? 1 : 0; k < inner.size(); ++k) {
      const Window& a = outer[at];
      const Window& b = inner[k];
      out.overflowing.push_back(framer.encode(swapped ? b : a, swapped ? a : b, nullptr));
    }
  }
  return out;
}

}  // namespace roberta
