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

/// Parses lines and arguments into rows.
class RowParser {
 public:
  RowParser(const Settings& settings, const StreamOptions& options)
      : options_(options),
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
                          ": invalid UTF-8; correct the text or use --invalid-utf8 replace");
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
    ParsedRow parsed = parse_row(line, options_.field);
    row.text = std::move(parsed.text), row.second = std::move(parsed.second);
    row.words = std::move(parsed.words), row.ids = std::move(parsed.ids), row.has_output = parsed.has_output;
    if (options_.field == Field::kQuestion) {
      if (!parsed.has_text && !options_.question) missing("question");
      if (!parsed.has_text) row.text = *options_.question;
      if (!row.second) row.second = options_.context;
    }
    if ((options_.pairs || options_.field == Field::kQuestion) && !row.second)
      missing(names_of(options_.field).second);
    row.source = std::move(line);
  }
  void fill_from_text(Row& row, std::string line) const {
    if (options_.field == Field::kIds) row.ids = parse_ids(line);
    const bool question = options_.field == Field::kQuestion;
    if (question && options_.question) {
      row.text = *options_.question;
      row.second = std::move(line);
    } else if (question && options_.context) {
      row.text = std::move(line);
      row.second = options_.context;
    } else if (question || options_.pairs) {
      const size_t tab = line.find('\t');
      if (tab == line.npos || line.find('\t', tab + 1) != line.npos)
        throw Error(ErrorCode::kInput, std::string("[input] expected ") + names_of(options_.field).first +
                                           ", a tab, " + names_of(options_.field).second + "; the row has " +
                                           (tab == line.npos ? "no tab" : "more than one tab"));
      row.text = line.substr(0, tab);
      row.second = line.substr(tab + 1);
    } else {
      row.text = std::move(line);
    }
  }
  [[noreturn]] static void missing(const char* name) {
    throw Error(ErrorCode::kInput, std::string("[input] the row has no member '") + name + "'");
  }

  const StreamOptions& options_;
  bool jsonl_, replace_;
};

/// Prints results and errors in the order of the rows.
class RowWriter {
 public:
  RowWriter(const Settings& settings, const StreamOptions& options, bool from_arguments)
      : options_(options),
        keep_fields_(settings.flag("keep-fields")),
        skip_(settings.text("on-error") == "skip"),
        prefix_(from_arguments ? "argument " : "line ") {}

  void result(const Row& row, const std::string& result) {
    if (options_.silent) return;
    output_.write(keep_fields_ ? with_row(row, "\"output\":" + result) : result);
    output_.write("\n");
  }

  void error(const Row& row, const std::string& message, ErrorCode code = ErrorCode::kInput) {
    if (!skip_) {
      output_.flush();  // the results before the invalid row are valid
      throw Error(code, prefix_ + std::to_string(row.line) + ": " + message);
    }
    ++skipped_;
    if (options_.on_invalid_row) options_.on_invalid_row(row);
    if (options_.silent) return log(Level::kWarning, prefix_ + std::to_string(row.line) + ": " + message);
    std::string members = "\"error\":";
    append_json_string(members, message);
    members += ",\"line\":" + std::to_string(row.line);
    // A row that was not parsed cannot be printed back.
    output_.write(keep_fields_ && row.error.empty() ? with_row(row, members) : "{" + members + "}");
    output_.write("\n");
  }

  void flush() { output_.flush(); }
  int finish() {
    output_.close();
    if (skipped_ == 0) return 0;
    log(Level::kWarning,
        std::to_string(skipped_) + (skipped_ == 1 ? " invalid row skipped" : " invalid rows skipped"));
    return static_cast<int>(ErrorCode::kInput);
  }

 private:
  std::string with_row(const Row& row, const std::string& members) const {
    if (!row.source.empty()) return with_members(row.source, row.has_output, members);
    const FieldNames names = names_of(options_.field == Field::kIds ? Field::kText : options_.field);
    std::string plain = std::string("{\"") + names.first + "\":";
    append_json_string(plain, row.text);
    if (row.second) {
      plain += std::string(",\"") + names.second + "\":";
      append_json_string(plain, *row.second);
    }
    return plain + "," + members + "}";
  }

  const StreamOptions& options_;
  bool keep_fields_, skip_;
  std::string prefix_;
  int64_t skipped_ = 0;
  Output output_;
};

/// Processes valid rows together. If the batch fails, its halves are tried, down to the invalid row itself.
void process_valid(std::span<const Row> rows, const ProcessRows& process, RowWriter& writer) {
  std::vector<std::string> results(rows.size());
  std::string message;
  ErrorCode code{};
  try {
    process(rows, results);
  } catch (const Error& e) {
    // A model may overflow for one text and not for others.
    if (e.code() != ErrorCode::kInput && e.code() != ErrorCode::kNumeric) throw;
    message = e.what();
    code = e.code();
  }
  if (message.empty()) {
    for (size_t i = 0; i < rows.size(); ++i) writer.result(rows[i], results[i]);
  } else if (rows.size() == 1) {
    writer.error(rows[0], message, code);
  } else {
    process_valid(rows.first(rows.size() / 2), process, writer);
    process_valid(rows.subspan(rows.size() / 2), process, writer);
  }
}

void process_batch(std::span<const Row> rows, const ProcessRows& process, RowWriter& writer) {
  for (size_t begin = 0; begin < rows.size();) {
    if (!rows[begin].error.empty()) {
      writer.error(rows[begin], rows[begin].error);
      ++begin;
      continue;
    }
    size_t end = begin;
    while (end < rows.size() && rows[end].error.empty()) ++end;
    process_valid(rows.subspan(begin, end - begin), process, writer);
    begin = end;
  }
}

/// Size of standard input if it is a file, otherwise 0.
int64_t input_size() {
  struct stat status {};
  return fstat(STDIN_FILENO, &status) == 0 && S_ISREG(status.st_mode) ? status.st_size : 0;
}

/// Reads batches of lines. A batch ends when it is full or when no further line is available yet: a slow
/// sender gets its results at once, a fast one full batches.
class BatchReader {
 public:
  BatchReader(const Settings& settings, const StreamOptions& options)
      : parser_(settings, options),
        reader_(STDIN_FILENO, static_cast<size_t>(settings.integer("max-line-bytes"))),
        max_line_bytes_(settings.text("max-line-bytes")),
        max_bytes_(options.batch_bytes),
        max_rows_(settings.flag("line-buffered") || is_terminal(STDIN_FILENO) || is_terminal(STDOUT_FILENO)
                      ? 1
                      : options.batch_rows) {}

  /// False at the end of the input.
  bool next(std::vector<Row>& rows) {
    rows.clear();
    std::string line;
    for (int64_t bytes = 0; bytes < max_bytes_ && static_cast<int64_t>(rows.size()) < max_rows_;) {
      LineReader::Status status = reader_.next(line, rows.empty());
      if (status == LineReader::Status::kEnd) return !rows.empty();
      if (status == LineReader::Status::kWouldBlock) return starved_ = true;
      ++line_;
      if (status == LineReader::Status::kTooLong) {
        rows.emplace_back().line = line_;
        rows.back().error = "[input] longer than " + max_line_bytes_ + " bytes; raise --max-line-bytes";
        break;  // with --on-error stop nothing more is read
      }
      if (parser_.is_blank(line)) continue;
      bytes += static_cast<int64_t>(line.size()) + 1;
      rows.push_back(parser_.make(std::move(line), line_));
    }
    starved_ = max_rows_ == 1;
    return true;
  }
  bool must_flush() const { return starved_; }
  int64_t bytes_read() const { return reader_.bytes_read(); }

 private:
  RowParser parser_;
  LineReader reader_;
  std::string max_line_bytes_;
  int64_t max_bytes_, max_rows_, line_ = 0;
  bool starved_ = false;
};

void stream_input(const Settings& settings, const StreamOptions& options, const ProcessRows& process,
                  RowWriter& writer) {
  if (is_terminal(STDIN_FILENO)) log(Level::kInfo, "reading lines from the terminal; press Ctrl-D to end");
  BatchReader batches(settings, options);
  // No bar if the results are printed on the same terminal.
  std::unique_ptr<Progress> progress;
  if (!is_terminal(STDIN_FILENO) && (options.silent || !is_terminal(STDOUT_FILENO)))
    progress = std::make_unique<Progress>(settings);
  int64_t total = input_size();
  std::vector<Row> rows;
  while (batches.next(rows)) {
    process_batch(rows, process, writer);
    if (batches.must_flush()) writer.flush();
    if (progress) progress->update("read", "bytes", batches.bytes_read(), total);
  }
}

}  // namespace

bool wants_json(const Settings& settings) {
  bool json = settings.text("format") == "json";
  if (!settings.flag("keep-fields") || json) return json;
  if (settings.origin("format") != Origin::kDefault)
    throw Error(ErrorCode::kUsage,
                "--keep-fields prints JSON and cannot be combined with --format " + settings.text("format"));
  return true;
}

int run_stream(const Settings& settings, const StreamOptions& options, const ProcessRows& process) {
  const std::vector<std::string>& texts = settings.arguments();
  bool from_arguments = !texts.empty() && !(texts.size() == 1 && texts[0] == "-");
  RowWriter writer(settings, options, from_arguments);
  try {
    if (from_arguments) {
      RowParser parser(settings, options);
      std::vector<Row> rows;
      for (size_t i = 0; i < texts.size(); ++i)
        rows.push_back(parser.make(texts[i], static_cast<int64_t>(i) + 1));
      process_batch(rows, process, writer);
    } else {
      stream_input(settings, options, process, writer);
    }
  } catch (const std::exception&) {
    writer.flush();  // the results before the error are valid; BrokenPipe is not a std::exception
    throw;
  }
  return writer.finish();
}

}  // namespace roberta::cli
