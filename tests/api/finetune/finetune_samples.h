#pragma once
// A small untrained model and data sets that it can learn by heart, one for each task.

#include <string>

#include "roberta/finetune.h"
#include "roberta/init.h"
#include "tests/data/small_tokenizer.h"

namespace roberta {

/// DIRECTORY/base: two layers of 32, the tokenizer of small_tokenizer.h.
inline std::filesystem::path make_base(const TempDirectory& directory) {
  InitOptions init;
  init.tokenizer = save_tokenizer(directory);
  init.hidden_size = 32;
  init.num_hidden_layers = 2;
  init.num_attention_heads = 2;
  init.intermediate_size = 64;
  init.max_position_embeddings = 66;
  init.seed = 7;
  init.initializer_range = 0.1;
  init.threads = 1;
  init_model(directory / "base", init);
  return directory / "base";
}

constexpr const char* kAnimals[] = {"cat", "dog", "log", "mat"};
constexpr const char* kCities[] = {"Paris", "Berlin", "Rome", "Italy"};

/// "the cat sat on the mat 3" is of animals, ...; 2 * 4 * 3 rows.
inline std::string class_rows() {
  std::string text = "text\tlabel\n";
  for (int i = 0; i < 12; ++i) {
    text += std::string("the ") + kAnimals[i % 4] + " sat " + std::to_string(i) + "\tanimal\n";
    text += std::string("the capital ") + kCities[i % 4] + " is " + std::to_string(i) + "\tcity\n";
  }
  return text;
}
inline std::string value_rows() {
  std::string text = "sentence1,sentence2,score\n";
  const char* scores[] = {"0.9", "0.4", "0.1", "0.65"};
  for (int i = 0; i < 12; ++i)
    text += std::string("the ") + kAnimals[i % 4] + ",sat " + std::to_string(i) + "," + scores[i % 4] + "\n";
  return text;
}
inline std::string set_rows() {
  std::string text;
  for (int i = 0; i < 16; ++i) {
    std::string labels, words = "the ";
    if (i & 1) words += "cat ", labels += "\"feline\"";
    if (i & 2) words += "dog ", labels += (labels.empty() ? "" : ",") + std::string("\"canine\"");
    if (i & 4) words += "Paris ", labels += (labels.empty() ? "" : ",") + std::string("\"place\"");
    text += "{\"text\":\"" + words + "sat " + std::to_string(i) + "\",\"labels\":[" + labels + "]}\n";
  }
  return text;
}
inline std::string tag_rows() {
  std::string text;
  for (int i = 0; i < 12; ++i) {
    text += std::string("the O\n") + kAnimals[i % 4] + " B-animal\nsaw O\n" + kCities[i % 4] + " B-place\n" +
            (i % 2 ? "Germany I-place\n" : "") + "\n";
  }
  return text;
}
inline std::string question_rows() {
  std::string items;
  const char* countries[] = {"France", "Germany", "Italy"};
  const char* capitals[] = {"Paris", "Berlin", "Rome"};
  for (int i = 0; i < 9; ++i) {
    const std::string context = std::string(i / 3 == 1 ? "the cat sat on the mat. " : "") + capitals[i % 3] +
                                " is the capital of " + countries[i % 3];
    items += (i ? "," : "") + std::string("{\"context\":\"") + context + "\",\"qas\":[{\"id\":\"q" +
             std::to_string(i) + "\",\"question\":\"capital of " + countries[i % 3] + " " +
             std::to_string(i / 3) + "\",\"answers\":[{\"text\":\"" + capitals[i % 3] +
             "\",\"answer_start\":" + std::to_string(context.find(capitals[i % 3])) + "}]}]}";
  }
  return "{\"version\":\"1.1\",\"data\":[{\"title\":\"t\",\"paragraphs\":[" + items + "]}]}";
}

}  // namespace roberta
