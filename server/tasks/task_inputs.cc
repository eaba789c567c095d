// From the JSON of a request to the inputs of a task, whatever their form.

#include <algorithm>
#include <span>

#include "core/strings.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/tasks/inputs.h"
#include "server/tasks/main_task.h"
#include "server/tasks/task_options.h"

namespace roberta::server {
namespace {

/// Members of the inputs that are options, not texts; "parameters" holds more of them.
constexpr std::string_view kOptionMembers[] = {"candidate_labels", "hypothesis_template", "multi_label"};

bool is_option(std::string_view name) {
  return name == "parameters" || std::ranges::find(kOptionMembers, name) != std::end(kOptionMembers);
}

std::string text_of(const Json& value, const std::string& where) {
  if (!value.is_string()) reject(where + " must be a string, got " + std::string(kind_of(value)));
  return value.get<std::string>();
}

/// One input's texts under their names; borrows the Json.
using Row = std::vector<std::pair<std::string_view, const Json*>>;

const Json* find(const Row& row, std::string_view name) {
  for (const auto& [key, value] : row) {
    if (key == name) return value;
  }
  return nullptr;
}

std::string names_of(const Row& row) {
  std::string out;
  for (const auto& [key, value] : row) out += (out.empty() ? "'" : ", '") + printable(key, 40) + "'";
  return out;
}

class InputReader {
 public:
  InputReader(const TaskHandler& task, std::string_view field) : task_(task), field_(field) {}

  void read(const Json& value, TaskRequest& request) {
    inputs_ = &request.inputs;
    request.single = false;
    if (value.is_string()) {
      add_text(text_of(value, quoted()), quoted());
      request.single = true;
    } else if (value.is_array()) {
      for (size_t i = 0; i < value.size(); ++i) add_item(value[i], quoted(i));
    } else if (value.is_object()) {
      request.single = read_object(value);
    } else {
      reject(quoted() + " must be a text, a list of texts or an object, got " + std::string(kind_of(value)));
    }
  }

 private:
  std::string quoted() const { return "`" + std::string(field_) + "`"; }
  std::string quoted(size_t index) const {
    return "`" + std::string(field_) + "[" + std::to_string(index) + "]`";
  }

  bool takes_pairs() const { return task_.input != InputKind::kText; }
  std::string pair_names() const {
    return "'" + std::string(task_.input_names[0]) + "' and '" + std::string(task_.input_names[1]) + "'";
  }

  void add_text(std::string text, const std::string& where) {
    if (task_.input == InputKind::kPair) reject(where + " must be an object with " + pair_names());
    inputs_->push_back({std::move(text), std::nullopt});
  }

  void add_item(const Json& item, const std::string& where) {
    if (item.is_string()) return add_text(item.get<std::string>(), where);
    if (item.is_object()) return add_row(row_of(item), where);
    if (!item.is_array()) reject(where + " must be a text or an object, got " + std::string(kind_of(item)));
    add_texts(item, where);
  }

  /// ["text"] or ["first", "second"].
  void add_texts(const Json& item, const std::string& where) {
    if (item.size() == 1) return add_text(text_of(item[0], where + "[0]"), where);
    if (item.size() != 2 || !takes_pairs())
      reject(where + " must have " + (takes_pairs() ? "one or two texts" : "one text") + ", got " +
             std::to_string(item.size()) + " items");
    inputs_->push_back({text_of(item[0], where + "[0]"), text_of(item[1], where + "[1]")});
  }

  static Row row_of(const Json& object) {
    Row row;
    for (const auto& member : object.items()) {
      if (!is_option(member.key())) row.emplace_back(member.key(), &member.value());
    }
    return row;
  }

  void add_row(const Row& row, const std::string& where) {
    if (task_.input == InputKind::kPair)
      return add_pair(row, task_.input_names[0], task_.input_names[1], where);
    if (row.empty()) reject(where + " has no text");
    if (row.size() == 1)
      return add_text(text_of(*row[0].second, where + " '" + printable(row[0].first, 40) + "'"), where);
    static constexpr std::pair<const char*, const char*> kPairs[] = {{"text", "text_pair"},
                                                                     {"sentence1", "sentence2"},
                                                                     {"premise", "hypothesis"},
                                                                     {"question", "sentence"},
                                                                     {"question1", "question2"}};
    for (const auto& [first, second] : kPairs) {
      if (takes_pairs() && row.size() == 2 && find(row, first) && find(row, second))
        return add_pair(row, first, second, where);
    }
    reject(where + " must have one text" +
           (takes_pairs() ? ", or a pair of 'text' and 'text_pair'" : std::string()) + "; got " +
           names_of(row));
  }

  void add_pair(const Row& row, std::string_view first, std::string_view second, const std::string& where) {
    const Json *a = find(row, first), *b = find(row, second);
    if (!a || !b) reject(where + " has no '" + std::string(a ? second : first) + "'");
    inputs_->push_back({text_of(*a, where + " '" + std::string(first) + "'"),
                        text_of(*b, where + " '" + std::string(second) + "'")});
  }

  /// Whether it is a single input.
  bool read_object(const Json& object) {
    if (object.contains("columns") && object.contains("data")) {
      read_split(object);
      return false;
    }
    const Row row = row_of(object);
    if (row.empty()) reject(quoted() + " has no text");
    const bool columns = row[0].second->is_array();
    for (const auto& [key, value] : row) {
      if (value->is_array() != columns)
        reject(quoted() + ": its members must all be texts, or all lists of texts");
    }
    if (!columns) {
      add_row(row, quoted());
      return true;
    }
    read_columns(row);
    return false;
  }

  /// {"question": ["a", "b"], "context": ["c", "d"]}
  void read_columns(const Row& columns) {
    const size_t count = columns[0].second->size();
    for (const auto& [key, value] : columns) {
      if (value->size() != count)
        reject(quoted() + ": all columns must have the same number of texts; '" +
               printable(columns[0].first, 40) + "' has " + std::to_string(count) + ", '" +
               printable(key, 40) + "' has " + std::to_string(value->size()));
    }
    for (size_t i = 0; i < count; ++i) {
      Row row;
      for (const auto& [key, value] : columns) row.emplace_back(key, &(*value)[i]);
      add_row(row, quoted(i));
    }
  }

  /// A pandas data frame in its "split" form.
  void read_split(const Json& object) {
    const Json &columns = object["columns"], &data = object["data"];
    if (!columns.is_array() || columns.empty() || !data.is_array())
      reject(quoted() + ": 'columns' and 'data' must be lists");
    if (object.contains("index") && object["index"].is_array() && object["index"].size() != data.size())
      reject(quoted() + ": 'index' has " + std::to_string(object["index"].size()) + " entries, 'data' has " +
             std::to_string(data.size()));
    std::vector<std::string> names;
    for (const Json& column : columns)
      names.push_back(column.is_string() ? column.get<std::string>() : column.dump());
    for (size_t i = 0; i < data.size(); ++i) {
      const std::string where = "`" + std::string(field_) + ".data[" + std::to_string(i) + "]`";
      if (data[i].is_string() && names.size() == 1) {
        add_text(data[i].get<std::string>(), where);
        continue;
      }
      if (!data[i].is_array() || data[i].size() != names.size())
        reject(where + " must be a list of " + std::to_string(names.size()) +
               (names.size() == 1 ? " text" : " texts, one for each of 'columns'"));
      Row row;
      for (size_t c = 0; c < names.size(); ++c) row.emplace_back(names[c], &data[i][c]);
      add_row(row, where);
    }
  }

  const TaskHandler& task_;
  std::string_view field_;
  std::vector<TextPair>* inputs_ = nullptr;
};

}  // namespace

TaskRequest read_task(const ModelInfo& info, const Json& inputs, std::string_view field,
                      const Json* parameters) {
  TaskRequest request;
  request.task = main_task_of(info).kind;
  if (inputs.is_object()) {
    if (const Json* inner = find_member(inputs, "parameters")) read_options(*inner, request.options);
    Json members = Json::object();
    for (const std::string_view name : kOptionMembers) {
      if (const Json* value = find_member(inputs, name)) members[std::string(name)] = *value;
    }
    if (!members.empty()) read_options(members, request.options);
  }
  if (parameters) read_options(*parameters, request.options);
  if (request.task == TaskKind::kTextClassification && parameters && parameters->contains("top_k") &&
      (*parameters)["top_k"].is_null())
    request.options.top_k = kMaxTaskTopK;  // as in the pipeline, null means all labels
  if (!request.options.candidate_labels.empty()) {
    if (!zero_shot_classification_task.fits(info))
      reject(
          "`candidate_labels` need a model of natural-language inference; this model has no label that "
          "begins with \"entail\"");
    request.task = TaskKind::kZeroShotClassification;
  }
  InputReader(handler_of(request.task), field).read(inputs, request);
  return request;
}

}  // namespace roberta::server
