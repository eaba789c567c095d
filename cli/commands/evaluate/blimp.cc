// roberta evaluate blimp: accuracy on minimal pairs.

#include <algorithm>

#include "cli/commands/evaluate/evaluate.h"
#include "cli/io/load.h"
#include "cli/io/progress.h"
#include "cli/io/style.h"
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

/// One line with a bar per phenomenon, followed by its paradigms; the total at the end.
class Table {
 public:
  Table(const BlimpEvaluation& result, const Settings& settings) : style_(settings) {
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
    out_ += std::string(static_cast<size_t>(indent), ' ') + (indent == 0 ? style_.bold(name) : name) +
            std::string(static_cast<size_t>(rest), ' ') + align_right(fixed(count.accuracy() * 100, 1), 8) +
            " %  " + style_.bar(count.accuracy()) + "  " + std::to_string(count.correct) + " of " +
            std::to_string(count.pairs) + "\n";
  }

  Style style_;
  int width_ = 24;
  std::string out_;
};

}  // namespace

EvaluationOutput evaluate_blimp_task(const Settings& settings, std::span<const std::string> files) {
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
  return {Table(result, settings).text(), as_json(result), report_of(result)};
}

}  // namespace roberta::cli
