// Whole runs on a device whose memory the host can't touch: pretraining with a resume, fine-tuning, and what
// they write. The files are those of a run on `ref`.

#include <gtest/gtest.h>

#include "roberta/pretrain.h"
#include "tests/api/finetune/finetune_samples.h"
#include "tests/device/register_guard.h"

namespace roberta {
namespace {

class GuardedRun : public testing::Test {
 protected:
  GuardedRun() : base_(make_base(directory_)) { register_guard_device(); }
  void expect_same_files(const std::string& a, const std::string& b,
                         std::initializer_list<const char*> names) {
    for (const char* name : names)
      EXPECT_EQ(read_all(directory_ / a / name), read_all(directory_ / b / name)) << name;
  }
  TempDirectory directory_;
  std::filesystem::path base_;
  const std::atomic<bool> stop_{false};
};

TEST_F(GuardedRun, PretrainingAndItsResume) {
  std::string text;
  for (int i = 0; i < 60; ++i)
    text += std::string(kSentences).substr(0, 100 + static_cast<size_t>(i)) + "\n\n";
  PrepareOptions prepare;
  prepare.tokenizer = base_;
  prepare.sets = {{.name = "text", .paths = {directory_.write("text.txt", text).string()}}};
  prepare.threads = 1;
  prepare_corpus(directory_ / "corpus", prepare);
  PretrainOptions o;
  o.data = directory_ / "corpus";
  o.model = base_;
  o.stages = {{24, 4, 4}};
  o.max_steps = 4;
  for (const char* device : {"ref", "guard"}) {
    o.device = device;
    o.output = directory_ / device;
    o.stop_after = 2;
    pretrain(o, {}, stop_);
    o.stop_after = 0;
    pretrain(o, {}, stop_);
  }
  expect_same_files("ref/checkpoint-4", "guard/checkpoint-4", {"model.safetensors", "optimizer.safetensors"});
}

TEST_F(GuardedRun, FineTuning) {
  FinetuneOptions o;
  o.task = "text-classification";
  o.train_file = o.validation_file = directory_.write("train.tsv", class_rows());
  o.model = base_;
  o.num_train_epochs = 1;
  for (const char* device : {"ref", "guard"}) {
    o.device = device;
    o.output = directory_ / device;
    finetune(o, {}, stop_);
  }
  expect_same_files("ref", "guard", {"model.safetensors", "config.json"});
}

}  // namespace
}  // namespace roberta
