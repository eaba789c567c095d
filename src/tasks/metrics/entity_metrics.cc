// Entities as seqeval 1.2.2 counts them in its default mode, which is conlleval's.

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "core/utf8.h"
#include "tasks/metrics/metrics.h"

namespace roberta {
namespace {

/// "B-person" taken apart: 'B' and "person". Without a type it is "_".
struct TagParts {
  char prefix = 'O';  // 0: not one of the known letters
  std::string_view type;
};

TagParts take_apart(std::string_view tag) {
  if (tag.empty()) return {'O', "_"};
  const size_t first = std::min(utf8_length(tag[0]), tag.size());
  std::string_view type = tag.substr(first);
  // "B-per-son": what comes after the first '-', wherever that is.
  const size_t dash = type.find('-');
  if (dash != std::string_view::npos) type.remove_prefix(dash + 1);
  return {first == 1 ? tag[0] : '\0', type.empty() ? "_" : type};
}

bool one_of(char c, std::string_view letters) { return letters.find(c) != std::string_view::npos; }

bool ends_chunk(const TagParts& before, const TagParts& now) {
  if (before.prefix == 'E' || before.prefix == 'S') return true;
  if (one_of(before.prefix, "BI") && one_of(now.prefix, "BSO")) return true;
  return !one_of(before.prefix, "O.") && before.type != now.type;
}

bool starts_chunk(const TagParts& before, const TagParts& now) {
  if (now.prefix == 'B' || now.prefix == 'S') return true;
  if (one_of(before.prefix, "ESO") && one_of(now.prefix, "EI")) return true;
  return !one_of(now.prefix, "O.") && before.type != now.type;
}

struct TypeCounts {
  int64_t hits = 0, truth = 0, predicted = 0;
};

PrecisionRecall scores(const TypeCounts& counts) {
  const auto ratio = [](int64_t part, int64_t whole) {
    return whole ? static_cast<double>(part) / static_cast<double>(whole) : 0;
  };
  return {.precision = ratio(counts.hits, counts.predicted),
          .recall = ratio(counts.hits, counts.truth),
          .f1 = ratio(2 * counts.hits, counts.truth + counts.predicted)};
}

/// All sentences one after the other, "O" after each, as in seqeval: with prefixes that mean nothing
/// ("X-y") a chunk may begin in a sentence before.
std::vector<std::string> joined(std::span<const std::vector<std::string>> sentences) {
  std::vector<std::string> out;
  for (const std::vector<std::string>& tags : sentences) {
    out.insert(out.end(), tags.begin(), tags.end());
    out.emplace_back("O");
  }
  return out;
}

/// Chunks are compared as (type, begin, end), duplicates count once.
std::map<std::string, TypeCounts> count_types(std::span<const std::string> truth,
                                              std::span<const std::string> predicted) {
  const std::vector<Chunk> a = chunks(truth), b = chunks(predicted);
  const std::set<Chunk> true_chunks(a.begin(), a.end()), told_chunks(b.begin(), b.end());
  std::map<std::string, TypeCounts> types;
  for (const Chunk& chunk : true_chunks) ++types[chunk.type].truth;
  for (const Chunk& chunk : told_chunks) {
    TypeCounts& counts = types[chunk.type];
    ++counts.predicted;
    counts.hits += true_chunks.contains(chunk);
  }
  return types;
}

}  // namespace

std::vector<Chunk> chunks(std::span<const std::string> tags) {
  std::vector<Chunk> out;
  TagParts before{'O', ""};
  int64_t begin = 0;
  const int64_t n = static_cast<int64_t>(tags.size());
  for (int64_t i = 0; i <= n; ++i) {
    const TagParts now = i < n ? take_apart(tags[static_cast<size_t>(i)]) : TagParts{'O', "_"};
    if (ends_chunk(before, now)) out.push_back({std::string(before.type), begin, i});
    if (starts_chunk(before, now)) begin = i;
    before = now;
  }
  return out;
}

Metrics entity_metrics(std::span<const std::vector<std::string>> truth,
                       std::span<const std::vector<std::string>> predicted) {
  if (truth.size() != predicted.size())
    fail(ErrorCode::kFailed, "[metrics] ", truth.size(), " true sentences but ", predicted.size(),
         " predicted ones");
  int64_t tokens = 0, right = 0;
  for (size_t s = 0; s < truth.size(); ++s) {
    if (truth[s].size() != predicted[s].size())
      fail(ErrorCode::kFailed, "[metrics] sentence ", s, " has ", truth[s].size(), " true tags but ",
           predicted[s].size(), " predicted ones");
    tokens += static_cast<int64_t>(truth[s].size());
    for (size_t i = 0; i < truth[s].size(); ++i) right += truth[s][i] == predicted[s][i];
  }
  const auto types = count_types(joined(truth), joined(predicted));
  TypeCounts all;
  double macro = 0, weighted = 0;
  for (const auto& [type, counts] : types) {
    all.hits += counts.hits;
    all.truth += counts.truth;
    all.predicted += counts.predicted;
    macro += scores(counts).f1;
    weighted += scores(counts).f1 * static_cast<double>(counts.truth);
  }
  const PrecisionRecall micro = scores(all);
  Metrics out = {{"f1", micro.f1}, {"precision", micro.precision}, {"recall", micro.recall}};
  out.emplace_back("accuracy", tokens ? static_cast<double>(right) / static_cast<double>(tokens) : 0);
  out.emplace_back("f1_macro", types.empty() ? 0 : macro / static_cast<double>(types.size()));
  out.emplace_back("f1_weighted", all.truth ? weighted / static_cast<double>(all.truth) : 0);
  for (const auto& [type, counts] : types) {
    const PrecisionRecall of_type = scores(counts);
    out.emplace_back(type + "_precision", of_type.precision);
    out.emplace_back(type + "_recall", of_type.recall);
    out.emplace_back(type + "_f1", of_type.f1);
    out.emplace_back(type + "_number", static_cast<double>(counts.truth));
  }
  return out;
}

}  // namespace roberta
