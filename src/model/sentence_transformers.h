#pragma once
// What modules.json and 1_Pooling/config.json of a sentence-transformers directory say about pooling.

#include <filesystem>
#include <string>

namespace roberta {

struct SentenceTransformersModules {
  bool present = false;          ///< the directory has a modules.json
  std::string pooling = "mean";  ///< "cls", "mean" or "max"; "mean" without a modules.json
  bool normalize = false;        ///< a Normalize module follows
};

/// Error(kModel) for a module or a pooling mode that this program does not have (Dense, ...): silently
/// leaving it out would give other vectors than the model's authors meant.
SentenceTransformersModules read_modules(const std::filesystem::path& directory);

}  // namespace roberta
