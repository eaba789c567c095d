#pragma once
// Computes a case of tools/parity/metric_reference.py: what the test and the probe of the parity script
// share.

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "tasks/decoding/squad_decode.h"
#include "tasks/metrics/metrics.h"
#include "text/unicode/lowercase.h"

namespace roberta {

using MetricCase = nlohmann::json;

inline MetricCase to_case_json(const Metrics& metrics) {
  MetricCase out = MetricCase::object();
  for (const auto& [name, value] : metrics) out[name] = std::isnan(value) ? MetricCase() : MetricCase(value);
  return out;
}

inline MetricCase answer_squad_case(const MetricCase& c) {
  std::vector<SquadPrediction> predictions;
  for (const MetricCase& p : c["predictions"])
    predictions.push_back({p["golds"].get<std::vector<std::string>>(), p["text"].get<std::string>(),
                           p["no_answer"].get<double>()});
  return to_case_json(squad_metrics(predictions, c["version2"].get<bool>(), c["threshold"].get<double>()));
}

inline MetricCase answer_decode_case(const MetricCase& c) {
  std::vector<SpanFeature> features;
  std::vector<std::vector<float>> logits;
  for (const MetricCase& w : c["windows"]) {
    SpanFeature& feature = features.emplace_back();
    feature.context_begin = w["context_begin"].get<int32_t>();
    for (const MetricCase& o : w["offsets"])
      feature.offsets.push_back({o[0].get<uint32_t>(), o[1].get<uint32_t>()});
    feature.context_end = feature.context_begin + static_cast<int32_t>(feature.offsets.size());
    feature.best = w["best"].get<std::vector<uint8_t>>();
    logits.push_back(w["logits"].get<std::vector<float>>());
  }
  std::vector<SquadWindow> windows;
  for (size_t i = 0; i < features.size(); ++i) windows.push_back({&features[i], logits[i]});
  const SquadDecodeOptions options = {.n_best = c["n_best"].get<int64_t>(),
                                      .max_answer = c["max_answer"].get<int64_t>(),
                                      .version2 = c["version2"].get<bool>(),
                                      .null_threshold = c["null_threshold"].get<double>(),
                                      .max_context = c["max_context"].get<bool>()};
  const SquadDecoded decoded = decode_squad(c["context"].get<std::string>(), windows, options);
  MetricCase out = {{"text", decoded.text}, {"n_best", MetricCase::array()}};
  if (options.version2) out["null_odds"] = decoded.null_odds;
  for (const SquadCandidate& candidate : decoded.n_best) {
    out["n_best"].push_back({{"text", candidate.text},
                             {"start_logit", candidate.start_logit},
                             {"end_logit", candidate.end_logit},
                             {"probability", candidate.probability}});
  }
  return out;
}

inline MetricCase answer_metric_case(const MetricCase& c) {
  const std::string op = c["op"].get<std::string>();
  const auto ints = [&](const char* name) { return c[name].get<std::vector<int32_t>>(); };
  const auto bytes = [&](const char* name) { return c[name].get<std::vector<uint8_t>>(); };
  const auto floats = [&](const char* name) { return c[name].get<std::vector<float>>(); };
  const auto tags = [&](const char* name) { return c[name].get<std::vector<std::vector<std::string>>>(); };
  if (op == "classes")
    return to_case_json(classification_metrics(ints("truth"), ints("predicted"), c["labels"].get<int64_t>()));
  if (op == "sets")
    return to_case_json(multi_label_metrics(bytes("truth"), bytes("predicted"), c["labels"].get<int64_t>()));
  if (op == "values") return to_case_json(regression_metrics(floats("truth"), floats("predicted")));
  if (op == "entities") return to_case_json(entity_metrics(tags("truth"), tags("predicted")));
  if (op == "chunks") {
    MetricCase out = MetricCase::array();
    for (const Chunk& chunk : chunks(c["tags"].get<std::vector<std::string>>()))
      out.push_back({chunk.type, chunk.begin, chunk.end});
    return out;
  }
  if (op == "squad") return answer_squad_case(c);
  if (op == "normalize") {
    std::u32string text;
    for (const std::u32string& word : answer_words(c["text"].get<std::string>()))
      text += (text.empty() ? U"" : U" ") + word;
    return to_utf8(text);
  }
  if (op == "lower") return to_utf8(python_lowercase(to_code_points(c["text"].get<std::string>())));
  if (op == "decode") return answer_decode_case(c);
  throw std::invalid_argument("unknown op " + op);
}

/// What differs between a result and what is expected, "" when nothing: numbers by more than `tolerance`
/// (relative above 1), members that one side lacks.
inline std::string difference(const MetricCase& got, const MetricCase& want, double tolerance,
                              const std::string& place = "") {
  if (want.is_number() && got.is_number()) {
    const double a = got.get<double>(), b = want.get<double>();
    if (std::abs(a - b) <= tolerance * std::max(1.0, std::abs(b))) return "";
  } else if (want.is_structured() && got.type() == want.type() && got.size() == want.size()) {
    if (want.is_array()) {
      for (size_t i = 0; i < want.size(); ++i) {
        const std::string found = difference(got[i], want[i], tolerance, place + "/" + std::to_string(i));
        if (!found.empty()) return found;
      }
      return "";
    }
    for (const auto& [name, value] : want.items()) {
      if (!got.contains(name)) return place + "/" + name + " is missing";
      const std::string found = difference(got[name], value, tolerance, place + "/" + name);
      if (!found.empty()) return found;
    }
    return "";
  } else if (got == want) {
    return "";
  }
  return place + ": got " + got.dump() + ", expected " + want.dump();
}

}  // namespace roberta
