#include "train/log.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <numbers>
#include <string>
#include <vector>

#include "core/error.h"
#include "io/append.h"
#include "io/json/json.h"
#include "io/text_reader.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

double bits(double nats) { return nats / std::numbers::ln2; }

/// Step of a row; -1 for a line that is none, such as the half of one.
int64_t step_of(std::string_view line) {
  const Json row = Json::parse(line, nullptr, false);
  if (!row.is_object()) return -1;
  const auto step = row.find("step");
  return step != row.end() && step->is_number_integer() ? step->get<int64_t>() : -1;
}

}  // namespace

LogFiles::LogFiles(const fs::path& output, int64_t resumed_step, bool tensorboard)
    : path_(output / "log.jsonl"), fd_(-1) {
  std::error_code ignored;
  fs::create_directories(output, ignored);
  fd_ = open_to_append(path_, "log");
  try {
    cut_after(resumed_step);
    const fs::path folder = output / "tensorboard";
    if (resumed_step == 0) fs::remove_all(folder, ignored);
    if (tensorboard) events_.emplace(folder, resumed_step);
  } catch (...) {
    close(fd_);
    throw;
  }
}

LogFiles::~LogFiles() { close(fd_); }

/// Rows stand in the order of their steps, so the log ends at the first one that is to go.
void LogFiles::cut_after(int64_t step) {
  int64_t keep = 0;
  TextReader reader(path_);
  for (std::string_view line; step > 0 && reader.next_line(line);) {
    const int64_t row = step_of(line);
    if (row < 0 || row > step) break;
    keep = reader.line_offset() + static_cast<int64_t>(line.size()) + 1;
  }
  const int64_t size = lseek(fd_, 0, SEEK_END);
  if (keep > size) {  // a whole row whose line end is missing
    append_fully(fd_, "\n", path_, "log");
  } else if (keep < size && ftruncate(fd_, keep) != 0) {
    fail(ErrorCode::kResource, "[log] ", path_.string(), ": cannot be shortened: ", std::strerror(errno));
  }
}

void LogFiles::write(const TrainingLog& line) {
  Json row = {{"step", line.step},
              {"epoch", line.epoch},
              {"loss", line.loss},
              {"bits", bits(line.loss)},
              {"perplexity", std::exp(line.loss)},  // JSON has no infinity: null
              {"lr", line.learning_rate},
              {"grad_norm", line.gradient_norm},
              {"length", line.length},
              {"samples", line.samples},
              {"tokens", line.tokens},
              {"masked_tokens", line.masked},
              {"tokens_per_s", line.tokens_per_second},
              {"peak_fraction", line.peak_fraction > 0 ? Json(line.peak_fraction) : Json()},
              {"seconds", line.seconds}};
  append_fully(fd_, row.dump() + "\n", path_, "log");
  if (!events_) return;
  const std::array<EventFile::Scalar, 7> scalars = {{{"train/loss", line.loss},
                                                     {"train/bits", bits(line.loss)},
                                                     {"train/perplexity", std::exp(line.loss)},
                                                     {"train/learning_rate", line.learning_rate},
                                                     {"train/gradient_norm", line.gradient_norm},
                                                     {"speed/tokens_per_second", line.tokens_per_second},
                                                     {"speed/peak_fraction", line.peak_fraction}}};
  events_->write(line.step, scalars);
}

void LogFiles::write(const ValidationLog& line) {
  Json row = {{"step", line.step},
              {"validation_loss", line.loss},
              {"validation_bits", bits(line.loss)},
              {"validation_perplexity", std::exp(line.loss)},
              {"masked_tokens", line.masked},
              {"best", line.best},
              {"validation_seconds", line.seconds}};
  append_fully(fd_, row.dump() + "\n", path_, "log");
  if (!events_) return;
  const std::array<EventFile::Scalar, 3> scalars = {{{"validation/loss", line.loss},
                                                     {"validation/bits", bits(line.loss)},
                                                     {"validation/perplexity", std::exp(line.loss)}}};
  events_->write(line.step, scalars);
}

void LogFiles::write(int64_t step, const std::string& group, const Json& fields) {
  Json row = {{"step", step}};
  row.update(fields);
  append_fully(fd_, row.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n", path_, "log");
  if (!events_) return;
  std::vector<std::string> names;
  std::vector<EventFile::Scalar> scalars;
  for (const auto& [name, value] : fields.items()) {
    if (value.is_number()) names.push_back(group + "/" + name);
  }
  size_t at = 0;
  for (const auto& [name, value] : fields.items()) {
    if (value.is_number()) scalars.emplace_back(names[at++], value.get<double>());
  }
  events_->write(step, scalars);
}

void LogFiles::sync() {
  if (fsync(fd_) != 0) {
    fail(ErrorCode::kResource, "[log] ", path_.string(), ": cannot be written: ", std::strerror(errno));
  }
}

}  // namespace roberta
