#include "api/evaluate/text_columns.h"

namespace roberta {

TextColumns usual_text_columns(const std::string& first, const std::string& second,
                               const std::string& label) {
  TextColumns columns;
  columns.first = {"sentence1", "premise", "question1", "text1",   "text",
                   "sentence",  "review",  "content",   "comment", "input_string"};
  columns.second = {"sentence2", "hypothesis", "question2", "text2", "text_pair"};
  columns.second_optional = second.empty();
  columns.label = {"label", "labels", "gold_label", "class", "category", "score", "label_string"};
  if (!first.empty()) {
    columns.first = {first};
    columns.second.clear();
  }
  if (!second.empty()) columns.second = {second};
  if (!label.empty()) columns.label = {label};
  return columns;
}

}  // namespace roberta
