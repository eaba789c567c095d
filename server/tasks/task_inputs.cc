// From the JSON of a request to the inputs of a task, whatever their form.

#include <algorithm>
#include <array>
#include <span>

#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/tasks/inputs.h"
#include "server/tasks/main_task.h"

namespace roberta::server {
namespace {

const char* kind_of(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  if (value.is_string()) return "a string";
  if (value.is_null()) return "null";
  return value.is_boolean() ? "true or false" : "a number";
}

std::string text_of(const Json& value, const std::string& where) {
  if (!value.is_string()) refuse(where + " must be a string, not " + kind_of(value));
  return value.get<std::string>();
}

/// Members of the inputs that are options, not texts.
bool is_option(std::string_view name) {
  static constexpr std::array kNames = {"parameters", "candidate_labels", "hypothesis_template",
                                        "multi_label"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
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
  InputReader(Task task, std::string_view field) : task_(task), field_(field) {}

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
      refuse(quoted() + " must be a text, a list of texts or an object, not " + kind_of(value));
    }
  }

 private:
  std::string quoted() const { return "`" + std::string(field_) + "`"; }
  std::string quoted(size_t index) const {
    return "`" + std::string(field_) + "[" + std::to_string(index) + "]`";
  }

  void add_text(std::string text, const std::string& where) {
    if (task_ == Task::kAnswer) refuse(where + ": an object with 'question' and 'context' is needed");
    inputs_->push_back({std::move(text), std::nullopt});
  }

  void add_item(const Json& item, const std::string& where) {
    if (item.is_string()) return add_text(item.get<std::string>(), where);
    if (item.is_object()) return add_row(row_of(item), where);
    if (!item.is_array()) refuse(where + " must be a text or an object, not " + kind_of(item));
    add_texts(item, where);
  }

  /// ["text"] or ["first", "second"].
  void add_texts(const Json& item, const std::string& where) {
    if (item.size() == 1) return add_text(text_of(item[0], where + "[0]"), where);
    if (item.size() != 2 || !takes_pairs())
      refuse(where + (takes_pairs() ? " must hold one text, or two" : " must hold one text"));
    inputs_->push_back({text_of(item[0], where + "[0]"), text_of(item[1], where + "[1]")});
  }

  bool takes_pairs() const { return task_ == Task::kClassify || task_ == Task::kAnswer; }

  static Row row_of(const Json& object) {
    Row row;
    for (const auto& member : object.items()) {
      if (!is_option(member.key())) row.emplace_back(member.key(), &member.value());
    }
    return row;
  }

  void add_row(const Row& row, const std::string& where) {
    if (task_ == Task::kAnswer) return add_pair(row, "question", "context", where);
    if (row.empty()) refuse(where + " holds no text");
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
    refuse(where + " has " + names_of(row) + "; " +
           (takes_pairs() ? "one text is needed, or a pair: 'text' and 'text_pair'" : "one text is needed"));
  }

  void add_pair(const Row& row, const char* first, const char* second, const std::string& where) {
    const Json *a = find(row, first), *b = find(row, second);
    if (!a || !b)
      refuse(where + " lacks '" + (a ? second : first) + "'; '" + first + "' and '" + second +
             "' are needed");
    inputs_->push_back({text_of(*a, where + " '" + first + "'"), text_of(*b, where + " '" + second + "'")});
  }

  /// Whether it is a single input.
  bool read_object(const Json& object) {
    if (object.contains("columns") && object.contains("data")) {
      read_split(object);
      return false;
    }
    const Row row = row_of(object);
    if (row.empty()) refuse(quoted() + " holds no text");
    const bool columns = row[0].second->is_array();
    for (const auto& [key, value] : row) {
      if (value->is_array() != columns)
        refuse(quoted() + ": its members must all be texts, or all lists of texts");
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
        refuse(quoted() + ": '" + printable(columns[0].first, 40) + "' has " + std::to_string(count) +
               " texts, '" + printable(key, 40) + "' " + std::to_string(value->size()));
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
      refuse(quoted() + ": 'columns' and 'data' must be lists");
    if (object.contains("index") && object["index"].is_array() && object["index"].size() != data.size())
      refuse(quoted() + ": 'index' has " + std::to_string(object["index"].size()) + " entries, 'data' " +
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
        refuse(where + " must be a list of " + std::to_string(names.size()) +
               (names.size() == 1 ? " text" : " texts, as many as 'columns'"));
      Row row;
      for (size_t c = 0; c < names.size(); ++c) row.emplace_back(names[c], &data[i][c]);
      add_row(row, where);
    }
  }

  Task task_;
  std::string_view field_;
  std::vector<TaskInput>* inputs_ = nullptr;
};

}  // namespace

Task main_task_of(const ModelInfo& info) {
  if (info.task == "fill-mask") return Task::kFillMask;
  if (info.task == "text-classification") return Task::kClassify;
  if (info.task == "token-classification") return Task::kTag;
  return info.task == "question-answering" ? Task::kAnswer : Task::kEmbed;
}

TaskRequest read_task(const ModelInfo& info, const Json& inputs, std::string_view field,
                      const Json* parameters) {
  TaskRequest request;
  request.task = main_task_of(info);
  if (inputs.is_object()) {
    if (const Json* inner = find_member(inputs, "parameters")) read_options(*inner, request.options);
    Json members = Json::object();  // of the inputs, those that are options
    for (const char* name : {"candidate_labels", "hypothesis_template", "multi_label"}) {
      if (const Json* value = find_member(inputs, name)) members[name] = *value;
    }
    if (!members.empty()) read_options(members, request.options);
  }
  if (parameters) read_options(*parameters, request.options);
  if (request.task == Task::kClassify && parameters && parameters->contains("top_k") &&
      (*parameters)["top_k"].is_null())
    request.options.top_k = kMostTaskTopK;  // as the pipeline: null means all labels
  const bool entails = std::any_of(info.labels.begin(), info.labels.end(), [](const std::string& label) {
    return label.size() >= 6 &&
           (label.starts_with("entail") || label.starts_with("ENTAIL") || label.starts_with("Entail"));
  });
  if (!request.options.candidate_labels.empty()) {
    if (request.task != Task::kClassify || !entails)
      refuse(
          "`candidate_labels` are for models of natural-language inference; this one has no label that "
          "begins with \"entail\"");
    request.task = Task::kZeroShot;
  }
  InputReader(request.task, field).read(inputs, request);
  return request;
}

}  // namespace roberta::server
