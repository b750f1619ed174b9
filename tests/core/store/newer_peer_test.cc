// A newer version that comes to a file which this one has open.
#include "core/store/newer_peer.h"

#include <string>

#include "core/format/meta.h"
#include "core/store/dict.h"
#include "core/store/durability.h"
#include "core/store/session.h"
#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

class NewerPeerTest : public testing::Test {
 protected:
  // As a process of another version does it: our store is not told.
  void put_behind(Bytes key, Bytes value) {
    WriteTransaction transaction = store->environment().begin_write(std::chrono::seconds(5));
    transaction.put(Database::kMeta, key, value);
    transaction.commit();
  }
  void write() {
    WriteScope scope(*session);
    promise_durability(store->environment(), scope.transaction(), Durability::kOff);
    scope.commit();
  }
  size_t members() const {
    const ReadScope scope(*session, View::kSession);
    return store->locate(scope.transaction(), store->root()).count();
  }
  void expect_refused(const std::string& words) {
    for (int i = 0; i < 2; ++i) {
      const Error error = error_of([&] { write(); });
      EXPECT_EQ(error.code(), ErrorCode::kFormatVersion) << error.message();
      EXPECT_EQ(error.path(), path);
      EXPECT_NE(error.message().find("cannot write to '" + path + "'"), std::string::npos);
      EXPECT_NE(error.message().find(words), std::string::npos) << error.message();
    }
    EXPECT_EQ(members(), 0u) << "what is known can be read";
  }

  TemporaryFolder folder;
  std::string path = folder.file("map.ooc");
  std::shared_ptr<Store> store = Store::open({.path = path, .durability = Durability::kOff});
  std::shared_ptr<Session> session = Session::create(store);
};

TEST_F(NewerPeerTest, AFeatureThatWritersWouldLeaveOut) {
  write();
  put_behind(kMetaFlags, encode_meta_u64(1u << 5));
  expect_refused("feature bit 5");
  put_behind(kMetaFlags, encode_meta_u64(0));
  write();
}

TEST_F(NewerPeerTest, ANewerFormat) {
  write();
  Buffer version;
  append_le<uint32_t>(version, 2);
  put_behind(kMetaFormatVersion, version);
  expect_refused("2");
  put_behind(kMetaFormatVersion, encode_format_version());
  write();
}

// It could be kept from no commit of ours otherwise.
TEST_F(NewerPeerTest, ItsCommitBetweenTwoOfOursIsNoticed) {
  for (int i = 0; i < 3; ++i) {
    write();
    write();
    put_behind(kMetaFlags, encode_meta_u64(2));
    EXPECT_EQ(error_of([&] { write(); }).code(), ErrorCode::kFormatVersion);
    put_behind(kMetaFlags, encode_meta_u64(0));
  }
}

}  // namespace
}  // namespace oocmap
