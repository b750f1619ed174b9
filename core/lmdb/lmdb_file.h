// Opening a file with LMDB: the size of the map, the named databases, the format version. Private
// to core/lmdb.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/lmdb/transaction.h"

struct MDB_env;

namespace oocmap {

struct CloseEnvironment {
  void operator()(MDB_env* env) const noexcept;
};
using EnvironmentHandle = std::unique_ptr<MDB_env, CloseEnvironment>;

struct MapRequest {
  std::string path;
  unsigned flags = 0;                // MDB_NOMETASYNC, MDB_RDONLY, ...; the usual ones are added
  std::optional<uint64_t> max_size;  // nullopt: as much address space as there is, up to 1 TiB
  mode_t mode = 0600;                // of the lock file
};

// Maps the file. Errors: kIo, kCorrupt.
EnvironmentHandle map_file(const MapRequest& request);

// Opens the named databases (`create`: makes them) and stores their numbers in `handles`.
// Errors: kCorrupt where one is missing or of another kind ("an LMDB file, but not an OOCMap").
void open_databases(MDB_env* env, const std::string& path, bool create, unsigned* handles);

// Compares the format version of the file with ours. Errors: kFormatVersion, kCorrupt.
void check_format_version(MDB_env* env, const std::string& path, uint32_t ours);
inline constexpr char kFormatVersionKey[] = "format_version";

// The same by a look that leaves no lock file beside a file that is none of ours.
void check_format_version_of(const std::string& path, uint32_t ours);

}  // namespace oocmap
