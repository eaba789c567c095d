#include "tasks/decoding/tag_groups.h"

#include <algorithm>

#include "core/utf8.h"
#include "tasks/decoding/probabilities.h"
#include "text/tokenizer/byte_alphabet.h"

namespace roberta {
namespace {

/// What the tokenizer's decoder makes of spellings: bytes, or where a character is not in the byte alphabet,
/// the string itself. Like the pipeline, this decodes groups of decoded words once more.
std::string decoded(std::span<const Tag> parts) {
  std::string bytes;
  for (const Tag& part : parts) {
    if (!append_alphabet_bytes(part.word, bytes)) bytes += part.word;
  }
  std::string storage;
  return std::string(repaired_utf8(bytes, storage));
}

size_t best(std::span<const float> scores) { return static_cast<size_t>(best_label(scores)); }

/// One tag for each token.
std::vector<Tag> token_tags(std::span<const TagToken> tokens, const Matrix& scores,
                            std::span<const std::string> labels) {
  std::vector<Tag> tags;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const std::span<const float> row = scores.row(static_cast<int64_t>(i));
    const size_t label = best(row);
    tags.push_back({labels[label], row[label], tokens[i].index, tokens[i].word, tokens[i].offset});
  }
  return tags;
}

/// Scores of a word from those of its tokens [begin, end).
std::vector<float> word_scores(const Matrix& scores, size_t begin, size_t end, Aggregation aggregation) {
  const auto row = [&](size_t i) { return scores.row(static_cast<int64_t>(i)); };
  size_t chosen = begin;
  if (aggregation == Aggregation::kMax) {
    for (size_t i = begin + 1; i < end; ++i) {
      if (row(i)[best(row(i))] > row(chosen)[best(row(chosen))]) chosen = i;
    }
  }
  std::vector<float> out(row(chosen).begin(), row(chosen).end());
  if (aggregation != Aggregation::kAverage) return out;
  for (size_t label = 0; label < out.size(); ++label) {
    double sum = 0;
    for (size_t i = begin; i < end; ++i) sum += row(i)[label];
    out[label] = static_cast<float>(sum / static_cast<double>(end - begin));
  }
  return out;
}

/// One tag for each word.
std::vector<Tag> word_tags(std::span<const TagToken> tokens, const Matrix& scores,
                           std::span<const std::string> labels, Aggregation aggregation) {
  const std::vector<Tag> singles = token_tags(tokens, scores, labels);
  std::vector<Tag> tags;
  for (size_t begin = 0, end = 0; begin < tokens.size(); begin = end) {
    for (end = begin + 1; end < tokens.size() && tokens[end].continues;) ++end;
    const std::vector<float> word = word_scores(scores, begin, end, aggregation);
    const size_t label = best(word);
    tags.push_back({labels[label],
                    word[label],
                    0,
                    decoded(std::span(singles).subspan(begin, end - begin)),
                    {tokens[begin].offset.begin, tokens[end - 1].offset.end}});
  }
  return tags;
}

/// "B-person" -> B, person; any other label is the inside of a group of its own type.
struct Parsed {
  bool begins;
  std::string_view type;
};
Parsed parse(std::string_view label) {
  const bool begins = label.starts_with("B-");
  return {begins, begins || label.starts_with("I-") ? label.substr(2) : label};
}

/// Neighbours of one type become one, but a B- begins a new one.
std::vector<Tag> groups(std::span<const Tag> tags) {
  std::vector<Tag> out;
  for (size_t begin = 0, end = 0; begin < tags.size(); begin = end) {
    const std::string_view type = parse(tags[begin].label).type;
    double score = tags[begin].score;
    for (end = begin + 1; end < tags.size(); ++end) {
      const Parsed next = parse(tags[end].label);
      if (next.begins || next.type != type) break;
      score += tags[end].score;
    }
    const std::string& label = tags[begin].label;
    const size_t dash = label.find('-');
    out.push_back({dash == label.npos ? label : label.substr(dash + 1),
                   static_cast<float>(score / static_cast<double>(end - begin)),
                   0,
                   decoded(tags.subspan(begin, end - begin)),
                   {tags[begin].offset.begin, tags[end - 1].offset.end}});
  }
  return out;
}

}  // namespace

bool continues_word(const CodePoints& text, Offset offset) {
  return offset.begin > 0 &&
         text.slice(offset.begin - 1, offset.begin + 1).find(' ') == std::string_view::npos;
}

std::vector<Tag> group_tags(std::span<const TagToken> tokens, const Matrix& scores,
                            std::span<const std::string> labels, const TagOptions& options) {
  const Aggregation how = options.aggregation;
  std::vector<Tag> tags = how == Aggregation::kNone || how == Aggregation::kSimple
                              ? token_tags(tokens, scores, labels)
                              : word_tags(tokens, scores, labels, how);
  if (how != Aggregation::kNone) tags = groups(tags);
  const std::vector<std::string>& ignore = options.ignore_labels;
  std::erase_if(tags, [&](const Tag& tag) {
    return std::find(ignore.begin(), ignore.end(), tag.label) != ignore.end();
  });
  return tags;
}

}  // namespace roberta
