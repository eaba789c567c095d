#include "train/training_checkpoint.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "io/atomic_file.h"
#include "tests/expect_error.h"
#include "tests/temp_directory.h"
#include "tests/train/checkpoint_sample.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> names_with_lock(std::vector<std::string> names) {
  names.insert(names.begin(), ".lock");
  return names;
}

void flip_bit(const fs::path& path, uint64_t bit) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(bit / 8));
  const int byte = file.get();
  file.seekp(static_cast<std::streamoff>(bit / 8));
  file.put(static_cast<char>(byte ^ (1 << (bit % 8))));
}

TEST(TrainingCheckpoint, ComesBackToTheBit) {
  TempDirectory directory;
  const SampleRun run(1);
  CheckpointStore store(directory / "run", {});
  CheckpointToSave save = run.to_save(12);
  save.info = {12, "abc", 3, 2.5};
  const SavedCheckpoint saved = store.save(save);
  EXPECT_EQ(saved.path, directory / "run" / "checkpoint-12");
  EXPECT_TRUE(saved.messages.empty());
  EXPECT_EQ(names_in(saved.path),
            (std::vector<std::string>{"config.json", "manifest.json", "model.safetensors",
                                      "optimizer.safetensors", "trainer_state.json", "vocab.json"}));
  EXPECT_EQ(read_all(directory / "run" / "latest"), "checkpoint-12\n");

  std::vector<std::string> messages;
  const auto found = store.find_newest(messages);
  ASSERT_TRUE(found);
  EXPECT_TRUE(messages.empty());
  EXPECT_EQ(found->trainer_state, save.trainer_state);
  EXPECT_EQ(found->info.step, 12);
  EXPECT_EQ(found->info.config_hash, "abc");
  EXPECT_EQ(found->info.ranks, 3);
  EXPECT_EQ(found->info.metric, 2.5);
  SampleRun back(2);
  read_checkpoint(*found, back.to_load());
  EXPECT_EQ(back.values, run.values);
}

TEST(TrainingCheckpoint, RefusesAnotherModel) {
  TempDirectory directory;
  const SampleRun run(1);
  CheckpointStore store(directory.path(), {});
  store.save(run.to_save(1));
  std::vector<std::string> messages;
  const auto found = store.find_newest(messages);
  SampleRun back(1);
  auto renamed = back.to_load();
  renamed[1].name = "other";
  EXPECT_ERROR(ErrorCode::kModel, read_checkpoint(*found, renamed), "other", "missing");
  auto reshaped = back.to_load();
  reshaped[1].shape = {1, elements_of(reshaped[1].shape)};
  EXPECT_ERROR(ErrorCode::kModel, read_checkpoint(*found, reshaped), reshaped[1].name, "shape");
  auto fewer = back.to_load();
  fewer.pop_back();
  EXPECT_ERROR(ErrorCode::kModel, read_checkpoint(*found, fewer), "tensors");
}

TEST(TrainingCheckpoint, KeepsTheLastAndTheBest) {
  TempDirectory directory;
  const SampleRun run(1);
  CheckpointStore store(directory.path(), {.keep_last = 2, .keep_best = true});
  const double metrics[] = {5, 3, 4, 4.5, 3};
  for (int i = 0; i < 5; ++i) {
    CheckpointToSave save = run.to_save(10 * (i + 1));
    save.info.metric = metrics[i];
    store.save(save);
  }
  // 20 and 50 are equally good: the older one is the best, which the loop's state names too.
  EXPECT_EQ(names_in(directory.path()),
            names_with_lock({"checkpoint-20", "checkpoint-40", "checkpoint-50", "latest"}));
  CheckpointToSave worse = run.to_save(60);
  worse.info.metric = 9;
  store.save(worse);
  store.save(run.to_save(70));  // not measured
  EXPECT_EQ(names_in(directory.path()),
            names_with_lock({"checkpoint-20", "checkpoint-60", "checkpoint-70", "latest"}));
}

TEST(TrainingCheckpoint, KeepsTheHighestWhereHigherIsBetter) {
  TempDirectory directory;
  const SampleRun run(1);
  CheckpointStore store(directory.path(), {.keep_last = 1, .keep_best = true, .higher_is_better = true});
  const double metrics[] = {0.5, 0.8, 0.7, -0.1};
  for (int i = 0; i < 4; ++i) {
    CheckpointToSave save = run.to_save(10 * (i + 1));
    save.info.metric = metrics[i];
    store.save(save);
  }
  EXPECT_EQ(names_in(directory.path()), names_with_lock({"checkpoint-20", "checkpoint-40", "latest"}));
}

TEST(TrainingCheckpoint, PartOfAModelHasItsWeightsBesideTheMoments) {
  TempDirectory directory;
  const SampleRun run(1);
  CheckpointStore store(directory.path(), {});
  CheckpointToSave save = run.to_save(4);
  save.whole_model = false;
  const fs::path path = store.save(save).path;
  EXPECT_FALSE(fs::exists(path / "model.safetensors"));
  SampleRun back(2), weights(3);
  const FoundCheckpoint found = open_checkpoint(path);
  read_checkpoint(found, back.to_load());
  EXPECT_EQ(back.values, run.values);
  auto alone = weights.to_load();
  for (TensorToLoad& tensor : alone) tensor.m = tensor.v = {};
  read_checkpoint(found, alone);
  EXPECT_EQ(weights.values.at("layer.0.bias"), run.values.at("layer.0.bias"));
  EXPECT_NE(weights.values.at("m.layer.0.bias"), run.values.at("m.layer.0.bias"));
  auto fewer = back.to_load();
  fewer.pop_back();
  EXPECT_ERROR(ErrorCode::kModel, read_checkpoint(found, fewer), "tensors");
  flip_bit(path / "optimizer.safetensors", 8 * (fs::file_size(path / "optimizer.safetensors") - 1));
  EXPECT_ERROR(ErrorCode::kModel, open_checkpoint(path), "optimizer.safetensors");
}

TEST(TrainingCheckpoint, ReplacesTheSameStep) {
  TempDirectory directory;
  const SampleRun first(1), second(2);
  CheckpointStore store(directory.path(), {});
  store.save(first.to_save(5));
  store.save(second.to_save(5));
  EXPECT_EQ(names_in(directory.path()), names_with_lock({"checkpoint-5", "latest"}));
  SampleRun back(3);
  read_checkpoint(open_checkpoint(directory / "checkpoint-5"), back.to_load());
  EXPECT_EQ(back.values, second.values);
}

TEST(TrainingCheckpoint, StepsBackOverDamageAndSaysSo) {
  TempDirectory directory;
  const SampleRun run(1);
  {
    CheckpointStore store(directory.path(), {.keep_last = 3, .keep_best = false});
    for (const int step : {8, 9, 10}) store.save(run.to_save(step));
  }
  fs::resize_file(directory / "checkpoint-10" / "optimizer.safetensors", 100);
  fs::remove(directory / "checkpoint-9" / "manifest.json");
  CheckpointStore store(directory.path(), {.keep_last = 1, .keep_best = false});
  std::vector<std::string> messages;
  const auto found = store.find_newest(messages);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->info.step, 8);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_NE(messages[0].find("checkpoint-10/optimizer.safetensors"), std::string::npos) << messages[0];
  EXPECT_NE(messages[1].find("checkpoint-9/manifest.json"), std::string::npos) << messages[1];
  // The damaged ones don't push a sound one out; 8 goes because 9 is there anew.
  store.save(run.to_save(9));
  EXPECT_EQ(names_in(directory.path()), names_with_lock({"checkpoint-10", "checkpoint-9", "latest"}));
  EXPECT_EQ(open_checkpoint(directory / "checkpoint-9").info.step, 9);
}

TEST(TrainingCheckpoint, NoneSoundIsAnErrorAndNoneAtAllIsNot) {
  TempDirectory directory;
  const SampleRun run(1);
  CheckpointStore store(directory.path(), {});
  std::vector<std::string> messages;
  EXPECT_FALSE(store.find_newest(messages));
  store.save(run.to_save(3));
  flip_bit(directory / "checkpoint-3" / "config.json", 9);
  EXPECT_ERROR(ErrorCode::kModel, store.find_newest(messages), "none of its 1", "config.json");
}

TEST(TrainingCheckpoint, FindsEveryFlippedBit) {
  TempDirectory directory;
  const SampleRun run(1);
  CheckpointStore store(directory.path(), {});
  const fs::path path = store.save(run.to_save(7)).path;
  std::mt19937_64 random(11);
  const std::vector<std::string> files = names_in(path);
  for (int i = 0; i < 2000; ++i) {
    const std::string& name = files[random() % files.size()];
    const uint64_t bit = random() % (8 * fs::file_size(path / name));
    flip_bit(path / name, bit);
    EXPECT_ERROR(ErrorCode::kModel, open_checkpoint(path), name);
    flip_bit(path / name, bit);
  }
  EXPECT_EQ(open_checkpoint(path).info.step, 7);
  flip_bit(path / "model.safetensors", 8 * (fs::file_size(path / "model.safetensors") - 1));
  EXPECT_ERROR(ErrorCode::kModel, open_checkpoint(path), "model.safetensors", "tensor 'layer.1.weight'");
}

TEST(TrainingCheckpoint, SecondWriterIsRefused) {
  TempDirectory directory;
  CheckpointStore store(directory.path(), {});
  EXPECT_ERROR(ErrorCode::kResource, CheckpointStore(directory.path(), {}),
               "process " + std::to_string(getpid()) + " on ", "is writing there");
}

TEST(TrainingCheckpoint, LockAndLeftOversOfADeadProcessAreTakenOver) {
  TempDirectory directory;
  const pid_t child = fork();
  if (child == 0) {
    CheckpointStore store(directory.path(), {});
    _exit(0);  // as if killed: nothing is let go
  }
  waitpid(child, nullptr, 0);
  ASSERT_TRUE(fs::exists(directory / ".lock"));
  fs::create_directory(directory / ".checkpoint-4.tmp-1-0");
  directory.write(".checkpoint-4.tmp-1-0/model.safetensors", "half");
  directory.write(".latest.tmp-1-0", "half");
  directory.write("notes.tmp-1.txt", "the user's");
  {
    const CheckpointStore store(directory.path(), {});
    ASSERT_EQ(store.messages().size(), 3u);
    EXPECT_NE(store.messages()[0].find("process " + std::to_string(child)), std::string::npos)
        << store.messages()[0];
    EXPECT_EQ(names_in(directory.path()), names_with_lock({"notes.tmp-1.txt"}));
  }
  EXPECT_EQ(names_in(directory.path()), (std::vector<std::string>{"notes.tmp-1.txt"}));
}

TEST(TrainingCheckpoint, DirectoryThatCannotBeWritten) {
  TempDirectory directory;
  directory.write("file", "");
  EXPECT_ERROR(ErrorCode::kResource, CheckpointStore(directory / "file", {}), "file");
  if (geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  fs::create_directory(directory / "fixed");
  fs::permissions(directory / "fixed", fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_ERROR(ErrorCode::kResource, CheckpointStore(directory / "fixed", {}), "fixed");
}

TEST(TrainingCheckpoint, TooLittleSpaceIsToldBeforehand) {
  TempDirectory directory;
  const CheckpointStore store(directory.path(), {});
  store.require_space(1000);
  EXPECT_ERROR(ErrorCode::kResource, store.require_space(int64_t{1} << 50), directory.path().string(),
               "bytes are free");
}

}  // namespace
}  // namespace roberta
