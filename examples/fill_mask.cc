// Predicts the masked words of a text with the C++ API: fill_mask MODEL_DIRECTORY "Paris is the <mask> of
// France." Built against the installed package (see CMakeLists.txt, or
//   g++ -std=c++20 fill_mask.cc $(pkg-config --static --cflags --libs roberta) -o fill_mask).

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "roberta/error.h"
#include "roberta/model.h"
#include "roberta/pipeline.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s MODEL_DIRECTORY TEXT\n", argv[0]);
    return static_cast<int>(roberta::ErrorCode::kUsage);
  }
  try {
    roberta::Model model = roberta::Model::load(argv[1]);
    const std::vector<std::string> texts = {argv[2]};
    const auto predictions = roberta::fill_mask(model, texts, {.top_k = 3});
    for (const std::vector<roberta::Fill>& mask : predictions[0]) {
      for (const roberta::Fill& fill : mask) {
        std::printf("%.4f %s\n", fill.score, fill.sequence.c_str());
      }
    }
  } catch (const roberta::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {  // for example out of memory
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
