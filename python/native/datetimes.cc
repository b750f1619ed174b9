#include "python/native/datetimes.h"

// datetime.h needs Python.h, in python.h, before it.
#include <datetime.h>

#include "core/format/corrupt.h"
#include "core/format/other_payload.h"
#include "python/native/scalars.h"

namespace oocmap::python {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kDaySeconds = 86'400;

// The C API of datetime, loaded with its first use: the module is C, and always there.
void need_datetime() {
  if (PyDateTimeAPI == nullptr) PyDateTime_IMPORT;
  if (PyDateTimeAPI == nullptr) throw PythonRaised{};
}

// zoneinfo.ZoneInfo. Borrowed. An import of it where it is not there yet: nothing of the caller's.
PyObject* zone_info() {
  static PyObject* known = nullptr;
  if (known == nullptr) {
    const Ref module = Ref::steal(PyImport_ImportModule("zoneinfo"));
    known = Ref::steal(PyObject_GetAttrString(module.get(), "ZoneInfo")).release();
  }
  return known;
}

int64_t microseconds_of(PyObject* delta) {
  return (PyDateTime_DELTA_GET_DAYS(delta) * kDaySeconds + PyDateTime_DELTA_GET_SECONDS(delta)) *
             kSecond +
         PyDateTime_DELTA_GET_MICROSECONDS(delta);
}

// What a zone read from an object views.
struct HeldZone {
  Zone zone;
  Ref name;  // keeps the text
  Text text;
};

[[noreturn]] void refuse_zone(PyObject* value, PyObject* tzinfo, const char* why) {
  throw Error(ErrorCode::kTypeMismatch, std::string("cannot store a ") + Py_TYPE(value)->tp_name +
                                            " with a tzinfo of type '" + Py_TYPE(tzinfo)->tp_name +
                                            "'" + why);
}

void hold_name(HeldZone& held, PyObject* name) {
  held.name = Ref::borrow(name);
  held.text = text_of(name);
  held.zone.name = held.text.bytes;
}

// timezone.__getinitargs__() is (offset,) or (offset, name).
void read_timezone(HeldZone& held, PyObject* tzinfo) {
  const Ref arguments = Ref::steal(PyObject_CallMethod(tzinfo, "__getinitargs__", nullptr));
  held.zone.kind = ZoneKind::kFixed;
  held.zone.offset = microseconds_of(PyTuple_GET_ITEM(arguments.get(), 0));
  held.zone.folded_offset = held.zone.offset;
  if (PyTuple_GET_SIZE(arguments.get()) > 1) {
    held.zone.kind = ZoneKind::kNamed;
    hold_name(held, PyTuple_GET_ITEM(arguments.get(), 1));
  }
}

// The offset of a naive or aware moment in `tzinfo`; nullopt for None.
std::optional<int64_t> offset_at(PyObject* tzinfo, PyObject* moment) {
  const Ref delta = Ref::steal(PyObject_CallMethod(tzinfo, "utcoffset", "O", moment));
  if (delta.get() == Py_None) return std::nullopt;
  if (!PyDelta_Check(delta.get())) raise(PyExc_TypeError, "utcoffset() gave no timedelta");
  return microseconds_of(delta.get());
}

Ref with_fold(PyObject* datetime, PyObject* tzinfo, int fold) {
  return Ref::steal(PyDateTimeAPI->DateTime_FromDateAndTimeAndFold(
      PyDateTime_GET_YEAR(datetime), PyDateTime_GET_MONTH(datetime), PyDateTime_GET_DAY(datetime),
      PyDateTime_DATE_GET_HOUR(datetime), PyDateTime_DATE_GET_MINUTE(datetime),
      PyDateTime_DATE_GET_SECOND(datetime), PyDateTime_DATE_GET_MICROSECOND(datetime), tzinfo, fold,
      PyDateTimeAPI->DateTimeType));
}

void read_zone_info(HeldZone& held, PyObject* value, PyObject* tzinfo) {
  const Ref key = Ref::steal(PyObject_GetAttrString(tzinfo, "key"));
  if (!PyUnicode_CheckExact(key.get())) {
    refuse_zone(value, tzinfo, " that has no key: make it with ZoneInfo(key)");
  }
  hold_name(held, key.get());
  held.zone.kind = ZoneKind::kZone;
  std::optional<int64_t> first;
  std::optional<int64_t> second;
  if (PyDateTime_Check(value)) {
    first = offset_at(tzinfo, with_fold(value, tzinfo, 0).get());
    second = offset_at(tzinfo, with_fold(value, tzinfo, 1).get());
  } else {
    first = second = offset_at(tzinfo, Py_None);
    if (!first) held.zone.kind = ZoneKind::kZoneAlone;
  }
  held.zone.offset = first.value_or(0);
  held.zone.folded_offset = second.value_or(0);
}

void read_zone(HeldZone& held, PyObject* value, PyObject* tzinfo) {
  if (tzinfo == Py_None) return;
  if (Py_TYPE(tzinfo) == Py_TYPE(PyDateTime_TimeZone_UTC)) return read_timezone(held, tzinfo);
  if (reinterpret_cast<PyObject*>(Py_TYPE(tzinfo)) == zone_info()) {
    return read_zone_info(held, value, tzinfo);
  }
  refuse_zone(value, tzinfo, ": datetime.timezone and zoneinfo.ZoneInfo can be stored");
}

DateFields date_of(PyObject* date) {
  return {static_cast<uint16_t>(PyDateTime_GET_YEAR(date)),
          static_cast<uint8_t>(PyDateTime_GET_MONTH(date)),
          static_cast<uint8_t>(PyDateTime_GET_DAY(date))};
}

Buffer datetime_bytes(PyObject* value) {
  HeldZone held;
  read_zone(held, value, PyDateTime_DATE_GET_TZINFO(value));
  DatetimeFields fields;
  fields.date = date_of(value);
  fields.time = {static_cast<uint8_t>(PyDateTime_DATE_GET_HOUR(value)),
                 static_cast<uint8_t>(PyDateTime_DATE_GET_MINUTE(value)),
                 static_cast<uint8_t>(PyDateTime_DATE_GET_SECOND(value)),
                 static_cast<uint8_t>(PyDateTime_DATE_GET_FOLD(value)),
                 static_cast<uint32_t>(PyDateTime_DATE_GET_MICROSECOND(value)),
                 held.zone};
  return encode_datetime(fields);
}

Buffer time_bytes(PyObject* value) {
  HeldZone held;
  read_zone(held, value, PyDateTime_TIME_GET_TZINFO(value));
  return encode_time({static_cast<uint8_t>(PyDateTime_TIME_GET_HOUR(value)),
                      static_cast<uint8_t>(PyDateTime_TIME_GET_MINUTE(value)),
                      static_cast<uint8_t>(PyDateTime_TIME_GET_SECOND(value)),
                      static_cast<uint8_t>(PyDateTime_TIME_GET_FOLD(value)),
                      static_cast<uint32_t>(PyDateTime_TIME_GET_MICROSECOND(value)), held.zone});
}

// Days and seconds are normalized by it, whatever the sign.
Ref delta_of(int64_t microseconds) {
  const int64_t seconds = microseconds / kSecond;
  return Ref::steal(
      PyDelta_FromDSU(0, static_cast<int>(seconds), static_cast<int>(microseconds % kSecond)));
}

Ref zone_name(Bytes name) { return Ref::steal(payload_to_python(PayloadKind::kWtf8, name)); }

Ref zone_to_python(const Zone& zone) {
  switch (zone.kind) {
    case ZoneKind::kNaive:
      return Ref::borrow(Py_None);
    case ZoneKind::kFixed:
      return Ref::steal(PyTimeZone_FromOffset(delta_of(zone.offset).get()));
    case ZoneKind::kNamed:
      return Ref::steal(
          PyTimeZone_FromOffsetAndName(delta_of(zone.offset).get(), zone_name(zone.name).get()));
    default:
      return Ref::steal(PyObject_CallOneArg(zone_info(), zone_name(zone.name).get()));
  }
}

PyObject* datetime_of(Bytes payload) {
  // The zone is made last: loading its data runs Python code, and `payload` is a view.
  const DatetimeFields fields = decode_datetime(payload);
  const Ref zone = zone_to_python(fields.time.zone);
  return PyDateTimeAPI->DateTime_FromDateAndTimeAndFold(
      fields.date.year, fields.date.month, fields.date.day, fields.time.hour, fields.time.minute,
      fields.time.second, static_cast<int>(fields.time.microsecond), zone.get(), fields.time.fold,
      PyDateTimeAPI->DateTimeType);
}

PyObject* time_of(Bytes payload) {
  const TimeFields time = decode_time(payload);
  const Ref zone = zone_to_python(time.zone);
  return PyDateTimeAPI->Time_FromTimeAndFold(time.hour, time.minute, time.second,
                                             static_cast<int>(time.microsecond), zone.get(),
                                             time.fold, PyDateTimeAPI->TimeType);
}

}  // namespace

std::optional<OtherPayload> datetime_payload(PyObject* value) {
  need_datetime();
  PyTypeObject* const type = Py_TYPE(value);
  if (type == PyDateTimeAPI->DateTimeType) {
    return OtherPayload{PayloadKind::kDatetime, datetime_bytes(value)};
  }
  if (type == PyDateTimeAPI->DateType) {
    return OtherPayload{PayloadKind::kDate, encode_date(date_of(value))};
  }
  if (type == PyDateTimeAPI->TimeType) {
    return OtherPayload{PayloadKind::kTime, time_bytes(value)};
  }
  if (type == PyDateTimeAPI->DeltaType) {
    return OtherPayload{
        PayloadKind::kTimedelta,
        encode_timedelta({PyDateTime_DELTA_GET_DAYS(value),
                          static_cast<uint32_t>(PyDateTime_DELTA_GET_SECONDS(value)),
                          static_cast<uint32_t>(PyDateTime_DELTA_GET_MICROSECONDS(value))})};
  }
  return std::nullopt;
}

bool datetime_needs_python(PayloadKind kind, Bytes payload) noexcept {
  if (PyDateTimeAPI == nullptr) return true;  // it is imported yet
  try {
    if (kind == PayloadKind::kDatetime) {
      return decode_datetime(payload).time.zone.kind >= ZoneKind::kZone;
    }
    return kind == PayloadKind::kTime && decode_time(payload).zone.kind >= ZoneKind::kZone;
  } catch (const Error&) {
    return false;  // datetime_to_python() says it
  }
}

PyObject* datetime_to_python(PayloadKind kind, Bytes payload) {
  need_datetime();
  switch (kind) {
    case PayloadKind::kDatetime:
      return datetime_of(payload);
    case PayloadKind::kDate: {
      const DateFields date = decode_date(payload);
      return PyDate_FromDate(date.year, date.month, date.day);
    }
    case PayloadKind::kTime:
      return time_of(payload);
    case PayloadKind::kTimedelta: {
      const TimedeltaFields delta = decode_timedelta(payload);
      return PyDelta_FromDSU(delta.days, static_cast<int>(delta.seconds),
                             static_cast<int>(delta.microseconds));
    }
    default:
      throw Error(ErrorCode::kTypeMismatch, "this version cannot read a value of kind " +
                                                std::to_string(static_cast<int>(kind)));
  }
}

}  // namespace oocmap::python
