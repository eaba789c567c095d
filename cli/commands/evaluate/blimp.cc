// roberta evaluate blimp: accuracy on minimal pairs.

#include <unistd.h>

#include <algorithm>

#include "cli/commands/evaluate/evaluate.h"
#include "cli/io/load.h"
#include "cli/io/progress.h"
#include "cli/io/terminal.h"
#include "core/strings.h"
#include "io/json/json_text.h"

namespace roberta::cli {
namespace {

void append_counts(std::string& out, const BlimpCount& count) {
  out += "\"accuracy\":";
  append_json_number(out, count.accuracy());
  out += ",\"pairs\":";
  append_number(out, count.pairs);
  out += ",\"correct\":";
  append_number(out, count.correct);
}

template <class Counts>
void append_all(std::string& out, const char* name, const Counts& counts) {
  out += ",\"";
  out += name;
  out += "\":{";
  for (size_t i = 0; i < counts.size(); ++i) {
    if (i) out += ',';
    append_json_string(out, counts[i].name);
    out += ":{";
    append_counts(out, counts[i]);
    if constexpr (requires { counts[i].phenomenon; }) {
      out += ",\"phenomenon\":";
      append_json_string(out, counts[i].phenomenon);
    }
    out += '}';
  }
  out += '}';
}

std::string as_json(const BlimpEvaluation& result) {
  std::string out = "{";
  append_counts(out, result.overall);
  append_all(out, "phenomena", result.phenomena);
  append_all(out, "paradigms", result.paradigms);
  return out + "}";
}

/// Phenomena with a bar, the paradigms of each below it, the whole at the end.
class Table {
 public:
  Table(const BlimpEvaluation& result, bool color) : color_(color), blocks_(utf8_locale()) {
    for (const BlimpParadigm& paradigm : result.paradigms)
      width_ = std::max(width_, display_width(printable(paradigm.name)) + 2);
    for (const BlimpCount& phenomenon : result.phenomena) {
      line(phenomenon, 0);
      for (const BlimpParadigm& paradigm : result.paradigms)
        if (paradigm.phenomenon == phenomenon.name) line(paradigm, 2);
    }
    out_ += '\n';
    line(result.overall, 0);
  }
  const std::string& text() const { return out_; }

 private:
  void line(const BlimpCount& count, int indent) {
    std::string name = printable(count.name);
    const int rest = std::max(0, width_ - indent - display_width(name));
    const std::string percent = fixed(count.accuracy() * 100, 1);
    const bool head = indent == 0;
    out_ += std::string(static_cast<size_t>(indent), ' ') + (head && color_ ? "\033[1m" : "") + name +
            (head && color_ ? "\033[0m" : "") + std::string(static_cast<size_t>(rest), ' ') +
            std::string(percent.size() < 8 ? 8 - percent.size() : 0, ' ') + percent + " %  " +
            (color_ ? "\033[36m" : "") + bar(count.accuracy(), 20, blocks_) + (color_ ? "\033[0m" : "") +
            "  " + std::to_string(count.correct) + " of " + std::to_string(count.pairs) + "\n";
  }

  bool color_, blocks_;
  int width_ = 24;
  std::string out_;
};

}  // namespace

EvaluationAnswer evaluate_blimp_task(const Settings& settings, std::span<const std::string> files) {
  Model model = load_model(settings);
  BlimpEvaluation result;
  {
    Progress progress(settings);
    BlimpOptions options;
    options.limit = settings.integer("limit");
    options.predictions = settings.path("predictions");
    options.progress = [&](const char* unit, int64_t done, int64_t total) {
      progress.update("blimp", unit, done, total);
    };
    result = evaluate_blimp(model, files[0], options);
  }
  return {Table(result, use_color(STDOUT_FILENO, settings.text("color"))).text(), as_json(result),
          report_of(result)};
}

}  // namespace roberta::cli
