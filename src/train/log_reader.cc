#include "train/log_reader.h"

#include <cmath>

#include "core/error.h"
#include "io/json/json.h"
#include "io/text_reader.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

std::string name_of_run(const fs::path& file) {
  if (file.filename() != "log.jsonl") return file.stem().string();
  const fs::path folder = fs::absolute(file).lexically_normal().parent_path();
  return folder.has_filename() ? folder.filename().string() : file.stem().string();
}

/// A finite number of the row, if it is there.
std::optional<double> number(const Json& row, const char* name) {
  const auto found = row.find(name);
  if (found == row.end() || !found->is_number()) return std::nullopt;
  const double value = found->get<double>();
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

void add_row(const Json& row, LossLog& log) {
  const std::optional<double> step = number(row, "step");
  if (!step) return;
  LossPoint point{*step, number(row, "tokens"), number(row, "seconds"), 0};
  if (const auto loss = number(row, "loss")) {
    point.loss = *loss;
    log.training.push_back(point);
  }
  if (const auto loss = number(row, "validation_loss")) {
    point.loss = *loss;
    if (!log.training.empty()) {
      if (!point.tokens) point.tokens = log.training.back().tokens;
      if (!point.seconds) point.seconds = log.training.back().seconds;
    }
    log.validation.push_back(point);
  }
}

}  // namespace

LossLog read_loss_log(const fs::path& path) {
  std::error_code ignored;
  const fs::path file = fs::is_directory(path, ignored) ? path / "log.jsonl" : path;
  LossLog log;
  log.name = name_of_run(file);
  TextReader reader(file);
  int64_t bad = 0;  // line that is no row; an error unless it is the last one, which may be half written
  for (std::string_view line; reader.next_line(line);) {
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (bad) {
      fail(ErrorCode::kInput, "[log] ", reader.name(), ":", bad,
           ": no JSON object; a log has one a line (docs/formats.md)");
    }
    const Json row = Json::parse(line, nullptr, false);
    if (row.is_object()) {
      add_row(row, log);
    } else {
      bad = reader.line_number();
    }
  }
  if (log.training.empty() && log.validation.empty()) {
    fail(ErrorCode::kInput, "[log] ", reader.name(), ": no row has 'step' and 'loss'; is it a log.jsonl?");
  }
  return log;
}

}  // namespace roberta
