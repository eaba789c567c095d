// The two renderings of `roberta inspect`.
#include <algorithm>
#include <cstdio>

#include "core/strings.h"
#include "io/json/json.h"
#include "roberta/inspect.h"

namespace roberta {
namespace {

const char* boundary_name(const CorpusDescription& corpus) {
  return corpus.boundary == Boundary::kDocument ? "card" : "fairseq";
}

double ratio(int64_t part, int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

double tokens_per_byte(const PrepareCounts& counts) {
  return ratio(counts.train.tokens + counts.held_out.tokens, counts.train.bytes + counts.held_out.bytes);
}

double unknown_share(const PrepareCounts& counts) {
  return ratio(counts.unknown_tokens, counts.train.tokens + counts.held_out.tokens);
}

Json split_json(const SplitCounts& counts) {
  return {{"documents", counts.documents}, {"tokens", counts.tokens}, {"bytes", counts.bytes}};
}

Json set_json(const PreparedSet& set) {
  const PrepareCounts& counts = set.counts;
  return {{"name", set.name},
          {"weight", set.weight},
          {"hash", set.hash},
          {"shards", set.shards},
          {"files", counts.files},
          {"documents", counts.documents},
          {"duplicates", counts.duplicates},
          {"empty", counts.empty},
          {"bad_text", counts.bad_text},
          {"cut", counts.cut},
          {"skipped_files", counts.skipped_files},
          {"skipped_lines", counts.skipped_lines},
          {"tokens_per_byte", tokens_per_byte(counts)},
          {"unknown_share", unknown_share(counts)},
          {"train", split_json(counts.train)},
          {"held_out", split_json(counts.held_out)}};
}

Json sample_json(const InspectedSample& sample) {
  Json json = {{"index", sample.index}, {"ids", sample.ids}, {"text", sample.text}};
  for (const ChosenToken& chosen : sample.chosen)
    json["chosen"].push_back(
        {{"position", chosen.position}, {"token", chosen.token}, {"became", chosen.became}});
  return json;
}

template <class... Values>
std::string formatted(const char* format, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

std::string set_text(const PreparedSet& set) {
  const PrepareCounts& counts = set.counts;
  const auto number = [](int64_t value) { return static_cast<long long>(value); };
  std::string text = formatted("\n%s  weight %g, %lld shards, hash %s\n", set.name.c_str(), set.weight,
                               number(set.shards), set.hash.c_str());
  const auto split = [&](const char* name, const SplitCounts& side) {
    text += formatted("  %-10s %12lld documents %14lld tokens %14lld bytes\n", name, number(side.documents),
                      number(side.tokens), number(side.bytes));
  };
  split("train", counts.train);
  split("held out", counts.held_out);
  text += formatted("  %.4f tokens a byte, %.4g %% unknown\n", tokens_per_byte(counts),
                    100 * unknown_share(counts));
  text += formatted("  read: %lld files, %lld documents", number(counts.files), number(counts.documents));
  const auto add_count = [&](int64_t count, const char* what) {
    if (count > 0) text += formatted("; %lld %s", number(count), what);
  };
  add_count(counts.duplicates, "duplicates");
  add_count(counts.empty, "empty");
  add_count(counts.bad_text, "with invalid UTF-8 or NUL");
  add_count(counts.cut, "cuts");
  add_count(counts.skipped_files, "files skipped");
  add_count(counts.skipped_lines, "lines skipped");
  return text + "\n";
}

/// Each line of the text indented, to separate samples.
void append_indented(std::string& out, const std::string& text) {
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    out += "  | " + printable(std::string_view(text).substr(at, end - at), text.size() + 1) + "\n";
    at = end + 1;
  }
}

std::string sample_text(const InspectedSample& sample) {
  std::string text =
      formatted("\nsample %lld: %zu tokens", static_cast<long long>(sample.index), sample.ids.size());
  if (!sample.chosen.empty()) text += formatted(", %zu chosen", sample.chosen.size());
  text += "\n";
  append_indented(text, sample.text);
  for (const ChosenToken& chosen : sample.chosen) {
    const bool left = chosen.token == chosen.became;
    text += formatted("  %5lld  ", static_cast<long long>(chosen.position)) + printable(chosen.token) +
            " -> " + (left ? "(unchanged)" : printable(chosen.became)) + "\n";
  }
  return text;
}

}  // namespace

std::string to_json(const CorpusDescription& corpus) {
  Json json = {{"path", corpus.path},
               {"tokenizer", corpus.tokenizer},
               {"vocab_size", corpus.vocab_size},
               {"boundary", boundary_name(corpus)},
               {"held_out", corpus.held_out},
               {"token_bytes", corpus.token_bytes},
               {"bytes", corpus.bytes},
               {"verified", corpus.verified},
               {"samples_of_an_epoch", corpus.samples},
               {"tokens_of_an_epoch", corpus.sample_tokens},
               {"sets", Json::array()},
               {"samples", Json::array()}};
  for (const PreparedSet& set : corpus.sets) json["sets"].push_back(set_json(set));
  for (const InspectedSample& sample : corpus.shown) json["samples"].push_back(sample_json(sample));
  return json.dump(2) + "\n";
}

std::string to_text(const CorpusDescription& corpus) {
  std::string text = printable(corpus.path, 4096) + "\n";
  text += formatted("tokenizer %s, %lld entries; boundary %s; held out %g; %lld bytes a token\n",
                    corpus.tokenizer.c_str(), static_cast<long long>(corpus.vocab_size),
                    boundary_name(corpus), corpus.held_out, static_cast<long long>(corpus.token_bytes));
  text += formatted("%lld bytes of shards%s; an epoch: %lld samples, %lld tokens\n",
                    static_cast<long long>(corpus.bytes), corpus.verified ? ", all verified" : "",
                    static_cast<long long>(corpus.samples), static_cast<long long>(corpus.sample_tokens));
  for (const PreparedSet& set : corpus.sets) text += set_text(set);
  for (const InspectedSample& sample : corpus.shown) text += sample_text(sample);
  return text;
}

}  // namespace roberta
