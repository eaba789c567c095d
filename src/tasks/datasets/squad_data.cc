#include "tasks/datasets/squad_data.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <unordered_map>
#include <utility>

#include "core/error.h"
#include "core/strings.h"
#include "io/json/json_scanner.h"
#include "tasks/code_points.h"
#include "tasks/readers/input_text.h"

namespace roberta {
namespace {

/// The occurrence of `part` in `text` that begins nearest to `wanted`, the earlier of two; -1: none.
int64_t nearest_occurrence(std::string_view text, const CodePoints& code_points, std::string_view part,
                           int64_t wanted) {
  int64_t best = -1;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
    const auto offset = static_cast<int64_t>(code_points.index_at(at));
    if (best >= 0 && std::abs(offset - wanted) >= std::abs(best - wanted))
      break;  // later ones are farther away
    best = offset;
  }
  return best;
}

class Reader {
 public:
  Reader(const InputText& input, const SquadDataOptions& options)
      : input_(input), options_(options), scanner_(input.text), lines_(input.text) {
    if (options.offsets != "repair" && options.offsets != "error")
      fail(ErrorCode::kUsage, "[squad] answer offsets: 'repair' or 'error', not '",
           printable(options.offsets, 60), "'");
    data_.file = input.file;
  }

  SquadData read() && {
    if (trimmed(input_.text).empty()) fail(ErrorCode::kInput, "[squad] ", input_.name, ": the file is empty");
    try {
      document();
      scanner_.end();
    } catch (const JsonScanError& error) {
      const size_t newline = input_.text.rfind('\n', error.offset);
      reject(error.offset,
             concat("column ", error.offset - (newline == std::string::npos ? 0 : newline + 1) + 1, ": ",
                    where_, where_.empty() ? "" : ": ", error.message));
    }
    if (data_.questions.empty())
      fail(ErrorCode::kInput, "[squad] ", input_.name, ": no questions",
           data_.dropped > 0 ? concat("; ", data_.dropped, " answers are not in their contexts") : "");
    return std::move(data_);
  }

 private:
  struct Answer {
    std::string text;
    int64_t start = 0;
    size_t offset = 0;  // byte of the file where it begins, as in the others
    std::string path;
  };
  struct Question {
    std::optional<std::string> id, question;
    std::vector<Answer> answers;
    bool impossible = false;
    size_t offset = 0, id_offset = 0;
    std::string path;
  };

  [[noreturn]] void reject(size_t offset, const std::string& why) {
    fail(ErrorCode::kInput, "[squad] ", input_.name, ":", lines_.line_of(offset), ": ", why);
  }
  [[noreturn]] void reject(const Question& question, size_t offset, const std::string& path,
                           const std::string& why) {
    const std::string id = question.id ? "question '" + printable(*question.id, 60) + "': " : "";
    reject(offset, id + path + " " + why);
  }

  /// member(name) reads each member's value, or skips it.
  template <class Member>
  void object(Member member) {
    scanner_.enter('{');
    std::string name;
    for (bool first = true; scanner_.next_item(first, '}');) {
      scanner_.key(name);
      member(std::as_const(name));
    }
  }

  /// item(path) for each item of the array `path`.
  template <class Item>
  void array(const std::string& path, Item item) {
    read(path, [&] { scanner_.enter('['); });
    int64_t i = 0;
    for (bool first = true; scanner_.next_item(first, ']'); ++i) item(path + "[" + std::to_string(i) + "]");
  }

  /// step() reads the value of `path`, which is named in errors.
  template <class Step>
  void read(const std::string& path, Step step) {
    where_ = path;
    step();
    where_.clear();
  }
  void string(const std::string& path, std::string& out) {
    read(path, [&] { scanner_.string(out); });
  }

  size_t here() {
    (void)scanner_.peek();
    return scanner_.offset();
  }

  void document() {
    bool has_data = false;
    object([&](const std::string& name) {
      if (name != "data") return scanner_.skip();
      has_data = true;
      array("data", [&](const std::string& path) { article(path); });
    });
    if (!has_data) reject(0, "has no field 'data'; expected a file in the format of SQuAD");
  }

  void article(const std::string& path) {
    const size_t offset = here();
    bool has_paragraphs = false;
    object([&](const std::string& name) {
      if (name != "paragraphs") return scanner_.skip();
      has_paragraphs = true;
      array(path + ".paragraphs", [&](const std::string& below) { paragraph(below); });
    });
    if (!has_paragraphs) reject(offset, path + " has no field 'paragraphs'");
  }

  void paragraph(const std::string& path) {
    const size_t offset = here();
    std::optional<std::string> context;
    std::vector<Question> questions;
    bool has_questions = false;
    object([&](const std::string& name) {
      if (name == "context") {
        string(path + ".context", context.emplace());
      } else if (name == "qas") {
        has_questions = true;
        array(path + ".qas", [&](const std::string& below) { question(below, questions); });
      } else {
        scanner_.skip();
      }
    });
    if (!context) reject(offset, path + " has no field 'context'");
    if (!has_questions) reject(offset, path + " has no field 'qas'");
    keep(std::move(*context), questions);
  }

  void question(const std::string& path, std::vector<Question>& to) {
    Question& out = to.emplace_back();
    out.path = path;
    out.offset = out.id_offset = here();
    bool has_answers = false;
    object([&](const std::string& name) {
      if (name == "id") {
        out.id_offset = here();
        string(path + ".id", out.id.emplace());
      } else if (name == "question") {
        string(path + ".question", out.question.emplace());
      } else if (name == "answers") {
        has_answers = true;
        array(path + ".answers", [&](const std::string& below) { answer(below, out); });
      } else if (name == "is_impossible") {
        out.impossible = scanner_.peek() == 't';
        if (!out.impossible && scanner_.peek() != 'f')
          reject(out, here(), path + ".is_impossible", "must be true or false");
        scanner_.skip();
      } else {
        scanner_.skip();
      }
    });
    if (!out.id) reject(out, out.offset, path, "has no field 'id'");
    if (!out.question) reject(out, out.id_offset, path, "has no field 'question'");
    if (!has_answers && !out.impossible && options_.training)
      reject(out, out.id_offset, path, "has no field 'answers'");
  }

  void answer(const std::string& path, Question& question) {
    Answer out;
    out.offset = here();
    out.path = path;
    bool has_text = false, has_start = false;
    object([&](const std::string& name) {
      if (name == "text") {
        has_text = true;
        string(path + ".text", out.text);
      } else if (name == "answer_start") {
        has_start = true;
        const bool negative = scanner_.peek() == '-';
        std::optional<uint64_t> start;
        read(path + ".answer_start", [&] { start = scanner_.number(); });
        if (!start && !negative)
          reject(question, out.offset, path + ".answer_start", "must be a whole number");
        out.start = negative ? -1 : static_cast<int64_t>(std::min<uint64_t>(*start, INT32_MAX));
      } else {
        scanner_.skip();
      }
    });
    if (!has_text) reject(question, out.offset, path, "has no field 'text'");
    if (!has_start) reject(question, out.offset, path, "has no field 'answer_start'");
    if (!out.text.empty())
      question.answers.push_back(std::move(out));  // "": some files mark a missing answer so
  }

  void keep(std::string context, std::vector<Question>& questions) {
    const size_t index = data_.contexts.size();
    const CodePoints code_points(context);
    bool used = false;
    for (Question& question : questions) {
      const int64_t line = lines_.line_of(question.id_offset);
      if (const auto [other, fresh] = ids_.emplace(*question.id, line); !fresh)
        reject(question, question.id_offset, question.path + ".id",
               concat("is a duplicate of line ", other->second));
      if (question.impossible && !question.answers.empty())
        reject(question, question.id_offset, question.path, "is_impossible is true, but there are answers");
      data_.version2 |= question.impossible;
      if (options_.limit > 0 && static_cast<int64_t>(data_.questions.size()) >= options_.limit) continue;
      if (options_.training && !question.impossible && question.answers.empty())
        reject(question, question.id_offset, question.path,
               "has no answer and is not marked is_impossible; training needs one or the other");
      SquadQuestion out{
          std::move(*question.id), std::move(*question.question), index, {}, question.impossible, line};
      question.id = out.id;
      for (Answer& answer : question.answers) add_answer(context, code_points, question, answer, out.answers);
      if (options_.training && !out.impossible && out.answers.empty()) continue;
      data_.questions.push_back(std::move(out));
      used = true;
    }
    if (used) data_.contexts.push_back(std::move(context));
  }

  void add_answer(std::string_view context, const CodePoints& code_points, const Question& question,
                  Answer& answer, std::vector<SquadAnswer>& to) {
    const bool inside = answer.start >= 0 && answer.start < static_cast<int64_t>(code_points.size());
    const bool right =
        inside &&
        context.substr(code_points.byte(static_cast<size_t>(answer.start))).starts_with(answer.text);
    if (!right) {
      const int64_t near = nearest_occurrence(context, code_points, answer.text, answer.start);
      if (options_.offsets == "error") {
        reject(question, answer.offset, answer.path,
               "'" + printable(answer.text, 60) + "' is not at answer_start of its context; " +
                   (near < 0 ? "it does not occur in it" : concat("it occurs at ", near)) +
                   " (offsets count code points; --answer-offsets repair moves such answers)");
      }
      answer.start = near;
      ++(near < 0 ? data_.dropped : data_.moved);
      if (near < 0 && options_.training) return;
    }
    to.push_back({std::move(answer.text), answer.start});
  }

  const InputText& input_;
  const SquadDataOptions& options_;
  JsonScanner scanner_;
  LineCounter lines_;
  std::string where_;                             // path of the value that is being read
  std::unordered_map<std::string, int64_t> ids_;  // to the line
  SquadData data_;
};

}  // namespace

SquadData parse_squad(const std::filesystem::path& file, std::string bytes, const SquadDataOptions& options) {
  return Reader(input_text(file, std::move(bytes)), options).read();
}

SquadData read_squad(const std::filesystem::path& file, const SquadDataOptions& options) {
  return parse_squad(file, read_input_file(file), options);
}

}  // namespace roberta
