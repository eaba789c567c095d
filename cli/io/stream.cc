#include "cli/io/stream.h"

#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "cli/io/line_reader.h"
#include "cli/io/log.h"
#include "cli/io/output.h"
#include "cli/io/progress.h"
#include "cli/io/terminal.h"
#include "core/utf8.h"
#include "io/json/json_text.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {

/// Turns lines and arguments into rows.
class RowMaker {
 public:
  RowMaker(const Settings& settings, const StreamPlan& plan)
      : plan_(plan),
        jsonl_(settings.text("input") == "jsonl"),
        replace_(settings.text("invalid-utf8") == "replace") {}

  bool is_blank(std::string_view line) const {
    return jsonl_ && line.find_first_not_of(" \t\r") == line.npos;
  }

  Row make(std::string line, int64_t number) const {
    Row row;
    row.line = number;
    try {
      if (size_t at = find_invalid_utf8(line); at != std::string::npos) {
        if (!replace_)
          throw Error(ErrorCode::kInput,
                      "[input] column " + std::to_string(at + 1) +
                          ": ill-formed UTF-8; repair the text or use --invalid-utf8 replace");
        line = replace_invalid_utf8(line);
      }
      if (jsonl_)
        fill_from_json(row, std::move(line));
      else
        fill_from_text(row, std::move(line));
    } catch (const Error& e) {
      if (e.code() != ErrorCode::kInput) throw;
      row.error = e.what();
    }
    return row;
  }

 private:
  void fill_from_json(Row& row, std::string line) const {
    ParsedRow parsed = parse_row(line, plan_.field);
    row.text = std::move(parsed.text), row.second = std::move(parsed.second);
    row.words = std::move(parsed.words), row.ids = std::move(parsed.ids), row.has_output = parsed.has_output;
    if (plan_.field == Field::kQuestion) {
      if (!parsed.has_text && !plan_.question) missing("question");
      if (!parsed.has_text) row.text = *plan_.question;
      if (!row.second) row.second = plan_.context;
    }
    if ((plan_.pairs || plan_.field == Field::kQuestion) && !row.second)
      missing(names_of(plan_.field).second);
    row.source = std::move(line);
  }
  void fill_from_text(Row& row, std::string line) const {
    if (plan_.field == Field::kIds) row.ids = parse_ids(line);
    const bool question = plan_.field == Field::kQuestion;
    if (question && plan_.question) {
      row.text = *plan_.question;
      row.second = std::move(line);
    } else if (question && plan_.context) {
      row.text = std::move(line);
      row.second = plan_.context;
    } else if (question || plan_.pairs) {
      const size_t tab = line.find('\t');
      if (tab == line.npos || line.find('\t', tab + 1) != line.npos)
        throw Error(ErrorCode::kInput, std::string("[input] a row is ") + names_of(plan_.field).first +
                                           ", a tab, " + names_of(plan_.field).second + "; this one has " +
                                           (tab == line.npos ? "no tab" : "more tabs"));
      row.text = line.substr(0, tab);
      row.second = line.substr(tab + 1);
    } else {
      row.text = std::move(line);
    }
  }
  [[noreturn]] static void missing(const char* name) {
    throw Error(ErrorCode::kInput, std::string("[input] the row has no member '") + name + "'");
  }

  const StreamPlan& plan_;
  bool jsonl_, replace_;
};

/// Prints answers and errors in the order of the rows.
class Writer {
 public:
  Writer(const Settings& settings, const StreamPlan& plan, bool from_arguments)
      : plan_(plan),
        keep_fields_(settings.flag("keep-fields")),
        skip_(settings.text("on-error") == "skip"),
        place_(from_arguments ? "argument " : "line ") {}

  void answer(const Row& row, const std::string& answer) {
    if (plan_.silent) return;
    output_.write(keep_fields_ ? with_row(row, "\"output\":" + answer) : answer);
    output_.write("\n");
  }

  void error(const Row& row, const std::string& message, ErrorCode code = ErrorCode::kInput) {
    if (!skip_) {
      output_.flush();  // the answers before the bad row are good
      throw Error(code, place_ + std::to_string(row.line) + ": " + message);
    }
    ++skipped_;
    if (plan_.bad_row) plan_.bad_row(row);
    if (plan_.silent) return log(Level::kWarning, place_ + std::to_string(row.line) + ": " + message);
    std::string members = "\"error\":";
    append_json_string(members, message);
    members += ",\"line\":" + std::to_string(row.line);
    // A row that wasn't read can't be printed back.
    output_.write(keep_fields_ && row.error.empty() ? with_row(row, members) : "{" + members + "}");
    output_.write("\n");
  }

  void flush() { output_.flush(); }
  int finish() {
    output_.close();
    if (skipped_ == 0) return 0;
    log(Level::kWarning,
        std::to_string(skipped_) + (skipped_ == 1 ? " bad row was" : " bad rows were") + " skipped");
    return static_cast<int>(ErrorCode::kInput);
  }

 private:
  std::string with_row(const Row& row, const std::string& members) const {
    if (!row.source.empty()) return with_members(row.source, row.has_output, members);
    const FieldNames names = names_of(plan_.field == Field::kIds ? Field::kText : plan_.field);
    std::string plain = std::string("{\"") + names.first + "\":";
    append_json_string(plain, row.text);
    if (row.second) {
      plain += std::string(",\"") + names.second + "\":";
      append_json_string(plain, *row.second);
    }
    return plain + "," + members + "}";
  }

  const StreamPlan& plan_;
  bool keep_fields_, skip_;
  std::string place_;
  int64_t skipped_ = 0;
  Output output_;
};

/// Rows without errors, answered together. When the batch fails, its halves are tried, down to the bad row
/// itself.
void work_on(std::span<const Row> rows, const Work& work, Writer& writer) {
  std::vector<std::string> answers(rows.size());
  std::string message;
  ErrorCode code{};
  try {
    work(rows, answers);
  } catch (const Error& e) {
    // A model may overflow on one text and not on others.
    if (e.code() != ErrorCode::kInput && e.code() != ErrorCode::kNumeric) throw;
    message = e.what();
    code = e.code();
  }
  if (message.empty()) {
    for (size_t i = 0; i < rows.size(); ++i) writer.answer(rows[i], answers[i]);
  } else if (rows.size() == 1) {
    writer.error(rows[0], message, code);
  } else {
    work_on(rows.first(rows.size() / 2), work, writer);
    work_on(rows.subspan(rows.size() / 2), work, writer);
  }
}

void work_on_batch(std::span<const Row> rows, const Work& work, Writer& writer) {
  for (size_t begin = 0; begin < rows.size();) {
    if (!rows[begin].error.empty()) {
      writer.error(rows[begin], rows[begin].error);
      ++begin;
      continue;
    }
    size_t end = begin;
    while (end < rows.size() && rows[end].error.empty()) ++end;
    work_on(rows.subspan(begin, end - begin), work, writer);
    begin = end;
  }
}

/// Size of standard input when it is a file, else 0.
int64_t input_size() {
  struct stat status {};
  return fstat(STDIN_FILENO, &status) == 0 && S_ISREG(status.st_mode) ? status.st_size : 0;
}

/// Reads batches of lines. A batch ends when it is full, or when no further line is there yet: a slow sender
/// gets its answers at once, a fast one full batches.
class Batches {
 public:
  Batches(const Settings& settings, const StreamPlan& plan)
      : maker_(settings, plan),
        reader_(STDIN_FILENO, static_cast<size_t>(settings.integer("max-line-bytes"))),
        longest_(settings.text("max-line-bytes")),
        bytes_(plan.batch_bytes),
        rows_(settings.flag("line-buffered") || is_terminal(STDIN_FILENO) || is_terminal(STDOUT_FILENO)
                  ? 1
                  : plan.batch_rows) {}

  /// False at the end of the input.
  bool next(std::vector<Row>& rows) {
    rows.clear();
    std::string line;
    for (int64_t bytes = 0; bytes < bytes_ && static_cast<int64_t>(rows.size()) < rows_;) {
      LineReader::Got got = reader_.next(line, rows.empty());
      if (got == LineReader::Got::kEnd) return !rows.empty();
      if (got == LineReader::Got::kWait) return starved_ = true;
      ++line_;
      if (got == LineReader::Got::kTooLong) {
        rows.emplace_back().line = line_;
        rows.back().error = "[input] longer than " + longest_ + " bytes; --max-line-bytes allows more";
        break;  // with --on-error stop nothing more is read
      }
      if (maker_.is_blank(line)) continue;
      bytes += static_cast<int64_t>(line.size()) + 1;
      rows.push_back(maker_.make(std::move(line), line_));
    }
    starved_ = rows_ == 1;
    return true;
  }
  bool must_flush() const { return starved_; }
  int64_t bytes_read() const { return reader_.bytes_read(); }

 private:
  RowMaker maker_;
  LineReader reader_;
  std::string longest_;
  int64_t bytes_, rows_, line_ = 0;
  bool starved_ = false;
};

void stream_input(const Settings& settings, const StreamPlan& plan, const Work& work, Writer& writer) {
  if (is_terminal(STDIN_FILENO)) log(Level::kInfo, "reading lines from the terminal; Ctrl-D ends");
  Batches batches(settings, plan);
  // A bar below answers that run over the same terminal would be in the way.
  std::unique_ptr<Progress> progress;
  if (!is_terminal(STDIN_FILENO) && (plan.silent || !is_terminal(STDOUT_FILENO)))
    progress = std::make_unique<Progress>(settings);
  int64_t total = input_size();
  std::vector<Row> rows;
  while (batches.next(rows)) {
    work_on_batch(rows, work, writer);
    if (batches.must_flush()) writer.flush();
    if (progress) progress->update("read", "bytes", batches.bytes_read(), total);
  }
}

}  // namespace

bool answers_are_json(const Settings& settings) {
  bool json = settings.text("format") == "json";
  if (!settings.flag("keep-fields") || json) return json;
  if (settings.origin("format") != Origin::kDefault)
    throw Error(ErrorCode::kUsage,
                "--keep-fields prints JSON: leave --format " + settings.text("format") + " out");
  return true;
}

int run_stream(const Settings& settings, const StreamPlan& plan, const Work& work) {
  const std::vector<std::string>& texts = settings.arguments();
  bool from_arguments = !texts.empty() && !(texts.size() == 1 && texts[0] == "-");
  Writer writer(settings, plan, from_arguments);
  try {
    if (from_arguments) {
      RowMaker maker(settings, plan);
      std::vector<Row> rows;
      for (size_t i = 0; i < texts.size(); ++i)
        rows.push_back(maker.make(texts[i], static_cast<int64_t>(i) + 1));
      work_on_batch(rows, work, writer);
    } else {
      stream_input(settings, plan, work, writer);
    }
  } catch (const std::exception&) {
    writer.flush();  // the answers before the error are good; a gone reader is no std::exception
    throw;
  }
  return writer.finish();
}

}  // namespace roberta::cli
