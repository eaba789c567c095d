#include "train/state.h"

#include <algorithm>

#include "core/error.h"
#include "io/json/json.h"

namespace roberta {
namespace {

constexpr int64_t kMax = int64_t{1} << 53;

Json number_or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

std::optional<double> number_or_none(const JsonFields& fields, const char* name) {
  if (!fields.find(name)) return std::nullopt;
  return fields.number(name, 0, -1e300, 1e300);
}

}  // namespace

std::string write_trainer_state(const TrainerState& state) {
  const LoopState& s = state.loop;
  Json options = Json::object();
  for (const auto& [name, value] : state.options) options[name] = value;
  const Json json = {
      {"program", "roberta " ROBERTA_VERSION},
      {"global_step", s.step},
      {"updates", s.updates},
      {"samples", s.samples},
      {"tokens", s.tokens},
      {"masked_tokens", s.units},
      {"skipped_in_a_row", s.skipped_in_a_row},
      {"seconds", s.seconds},
      {"held_out_loss", number_or_null(s.last_loss)},
      {"metric", number_or_null(s.last_metric)},
      {"best_metric", number_or_null(s.best_metric)},
      {"best_step", s.best_step},
      {"evaluations_without_gain", s.evaluations_without_gain},
      {"since_log", {{"steps", s.window_steps}, {"masked_tokens", s.window_units}, {"loss", s.window_loss}}},
      {"options", options},
  };
  return json.dump(2) + "\n";
}

TrainerState parse_trainer_state(const std::string& text, const std::string& file) {
  const Json json = parse_json(text, "checkpoint", file);
  const JsonFields fields(json, "checkpoint", file);
  TrainerState state;
  LoopState& s = state.loop;
  s.step = fields.integer("global_step", 0, 0, kMax);
  s.updates = fields.integer("updates", s.step, 0, kMax);
  s.samples = fields.integer("samples", 0, 0, kMax);
  s.tokens = fields.integer("tokens", 0, 0, kMax);
  s.units = fields.integer("masked_tokens", 0, 0, kMax);
  s.skipped_in_a_row = fields.integer("skipped_in_a_row", 0, 0, kMax);
  s.seconds = fields.number("seconds", 0, 0, 1e300);
  s.last_loss = number_or_none(fields, "held_out_loss");
  s.last_metric = number_or_none(fields, "metric");
  s.best_metric = number_or_none(fields, "best_metric");
  s.best_step = fields.integer("best_step", 0, 0, kMax);
  s.evaluations_without_gain = fields.integer("evaluations_without_gain", 0, 0, kMax);
  if (const Json* since = fields.find("since_log")) {
    const JsonFields window(*since, "checkpoint", file, "since_log: ");
    s.window_steps = window.integer("steps", 0, 0, kMax);
    s.window_units = window.integer("masked_tokens", 0, 0, kMax);
    s.window_loss = window.number("loss", 0, -1e300, 1e300);
  }
  const Json* options = fields.find("options");
  if (!options || !options->is_object()) fields.refuse("options", "must be an object");
  for (const auto& [name, value] : options->items()) {
    if (!value.is_string()) fields.refuse("options", "must hold texts");
    state.options.emplace_back(name, value.get<std::string>());
  }
  return state;
}

std::string differences(const OptionList& then, const OptionList& now) {
  const auto value = [](const OptionList& list, const std::string& name) {
    const auto at =
        std::find_if(list.begin(), list.end(), [&](const auto& pair) { return pair.first == name; });
    return at == list.end() ? std::string("(none)") : at->second;
  };
  std::string out;
  const auto compare = [&](const std::string& name) {
    const std::string before = value(then, name), after = value(now, name);
    if (before != after) out += concat(out.empty() ? "" : "; ", name, ": ", before, " then, ", after, " now");
  };
  for (const auto& [name, text] : now) compare(name);
  for (const auto& [name, text] : then) {
    if (value(now, name) == "(none)") compare(name);
  }
  return out;
}

}  // namespace roberta
