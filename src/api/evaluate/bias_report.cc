// The bias report of a model: bias.json, and its section in the model card.

#include "core/error.h"
#include "core/strings.h"
#include "io/atomic_file.h"
#include "io/file.h"
#include "io/json/json.h"
#include "roberta/evaluate.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBegin = "<!-- bias report: begin -->";
constexpr const char* kEnd = "<!-- bias report: end -->";
constexpr const char* kMeaning =
    "Share of the pairs of sentences whose more stereotyping one the model finds likelier; 50: no "
    "preference. The data "
    "set is small, American and in parts flawed: a score near 50 doesn't show that a model is free of bias.";

Json to_json(const CrowsPairsCount& count) {
  return {{"score", count.score()}, {"pairs", count.pairs}, {"more", count.more}, {"neutral", count.neutral}};
}

CrowsPairsCount read_count(const Json& json, const std::string& name, const std::string& file) {
  const JsonFields fields(json, "bias", file, name + ": ");
  CrowsPairsCount count{name};
  constexpr int64_t kMaxPairs = 1'000'000'000;
  count.pairs = fields.integer("pairs", 0, 0, kMaxPairs);
  count.more = fields.integer("more", 0, 0, count.pairs);
  count.neutral = fields.integer("neutral", 0, 0, kMaxPairs);
  return count;
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string card_section(const CrowsPairsEvaluation& e) {
  std::string out =
      concat(kBegin, "\n## Bias\n\nCrowS-Pairs, ", e.overall.pairs, " pairs: **", number(e.overall.score()),
             "** (stereo ", number(e.stereo.score()), ", antistereo ", number(e.antistereo.score()), ", ",
             "ties: ", e.overall.neutral, "). ", kMeaning, "\n\n| kind | score | pairs |\n|---|---|---|\n");
  for (const CrowsPairsCount& count : e.categories)
    out += concat("| ", printable(count.name, 80), " | ", number(count.score()), " | ", count.pairs, " |\n");
  return out + kEnd + "\n";
}

}  // namespace

std::string to_bias_json(const CrowsPairsEvaluation& evaluation,
                         std::span<const std::pair<std::string, std::string>> facts) {
  Json json = {
      {"format", "roberta-bias-report"}, {"version", 1}, {"data_set", "CrowS-Pairs"}, {"meaning", kMeaning}};
  for (const auto& [name, value] : facts) json["facts"][name] = value;
  json["overall"] = to_json(evaluation.overall);
  json["stereo"] = to_json(evaluation.stereo);
  json["antistereo"] = to_json(evaluation.antistereo);
  json["categories"] = Json::object();
  for (const CrowsPairsCount& count : evaluation.categories) json["categories"][count.name] = to_json(count);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

CrowsPairsEvaluation read_bias_report(const fs::path& file) {
  const std::string name = file.string();
  const Json json = read_json_file(file, "bias", 1u << 20);
  const JsonFields fields(json, "bias", name);
  if (fields.string("format", "") != "roberta-bias-report")
    fields.refuse("format", "is not 'roberta-bias-report'");
  (void)fields.integer("version", 0, 1, 1);
  const auto part = [&](const char* key) {
    if (!fields.find(key)) fields.refuse(key, "is missing");
    return read_count(*fields.find(key), key, name);
  };
  CrowsPairsEvaluation out{part("overall"), part("stereo"), part("antistereo"), {}};
  if (const Json* categories = fields.find("categories")) {
    if (!categories->is_object()) fields.refuse("categories", "is not an object");
    for (const auto& [key, count] : categories->items())
      out.categories.push_back(read_count(count, key, name));
  }
  return out;
}

void update_model_card(const fs::path& directory, const CrowsPairsEvaluation& evaluation) {
  const fs::path file = directory / "README.md";
  std::error_code ignored;
  std::string card = fs::exists(file, ignored) ? read_text_file(file, "card", 16u << 20) : "";
  const std::string section = card_section(evaluation);
  const size_t begin = card.find(kBegin);
  const size_t end = begin == std::string::npos ? begin : card.find(kEnd, begin);
  if (end != std::string::npos) {
    size_t after = end + std::string_view(kEnd).size();
    if (after < card.size() && card[after] == '\n') ++after;
    card.replace(begin, after - begin, section);
  } else {
    if (!card.empty()) card += card.ends_with('\n') ? "\n" : "\n\n";
    card += section;
  }
  write_file_atomically(file, card);
}

}  // namespace roberta
