"""What SQLAlchemy and pandas do with a database file; prints what they see. usage: FILE"""

import sys

import oocmap
import pandas
import sqlalchemy
from sqlalchemy.orm import Session, declarative_base

engine = sqlalchemy.create_engine(f"sqlite:///{sys.argv[1]}")


@sqlalchemy.event.listens_for(engine, "connect")
def load(connection, record):
    oocmap.load(connection)
    # sqlite3 begins no transaction at a SAVEPOINT; SQLAlchemy's documentation says to do it so.
    connection.isolation_level = None


@sqlalchemy.event.listens_for(engine, "begin")
def begin(connection):
    connection.exec_driver_sql("BEGIN")


Base = declarative_base()


class Person(Base):
    __tablename__ = "people"
    key = sqlalchemy.Column(sqlalchemy.String, primary_key=True)
    name = sqlalchemy.Column(sqlalchemy.String)
    age = sqlalchemy.Column(sqlalchemy.Integer)
    city = sqlalchemy.Column(sqlalchemy.String)


def show(title, value):
    print(f"{title}: {value}")


def reflect():
    inspector = sqlalchemy.inspect(engine)
    show("tables", inspector.get_table_names())
    show("views", inspector.get_view_names())
    for table in ("people", "orders", "romans"):
        columns = inspector.get_columns(table)
        show(table, [(c["name"], str(c["type"]), c["primary_key"]) for c in columns])
        show(table, inspector.get_pk_constraint(table)["constrained_columns"])
        show(table, inspector.get_foreign_keys(table))


def core():
    metadata = sqlalchemy.MetaData()
    people = sqlalchemy.Table("people", metadata, autoload_with=engine)
    orders = sqlalchemy.Table("orders", metadata, autoload_with=engine)
    with engine.begin() as connection:
        select = sqlalchemy.select(people).where(people.c.key.in_(["ann", "cy", "nobody"]))
        show("in", connection.execute(select.order_by(people.c.key)).all())
        joined = people.join(orders, people.c.key == orders.c.who)
        total = sqlalchemy.func.sum(orders.c.total)
        select = sqlalchemy.select(people.c.name, total).select_from(joined)
        show("join", connection.execute(select.group_by(people.c.name)).all())
        update = people.update().where(people.c.key == "ann").values(age=people.c.age + 1)
        show("updated", connection.execute(update).rowcount)
        rows = [{"key": f"s{i}", "name": "S", "age": i} for i in range(5)]
        connection.execute(people.insert(), rows)
        show("deleted", connection.execute(people.delete().where(people.c.age < 3)).rowcount)
    try:
        with engine.begin() as connection:
            connection.execute(people.insert().values(key="new", name="New"))
            connection.execute(people.insert().values(key="ann", name="Again"))
    except sqlalchemy.exc.IntegrityError as error:
        show("refused", error.orig)
    with engine.connect() as connection:
        outer = connection.begin()
        with connection.begin_nested():
            connection.execute(people.update().values(city="Nowhere"))
        try:
            with connection.begin_nested():
                connection.execute(people.delete())
                raise KeyError("undo the inner one")
        except KeyError as error:
            show("nested", (error, connection.execute(sqlalchemy.select(people.c.city)).all()))
        outer.rollback()
        select = sqlalchemy.select(people).order_by(people.c.age.desc().nulls_last(), people.c.key)
        show("rows", connection.execute(select.limit(4).offset(1)).all())


def orm():
    with Session(engine) as session:
        session.get(Person, "ann").age = 77
        session.add(Person(key="orm", name="Object", age=1))
        session.commit()
        show("got", session.get(Person, "orm").name)
        query = session.query(Person).filter(Person.name.like("O%")).order_by(Person.key)
        show("like", [person.key for person in query])
        session.delete(session.get(Person, "orm"))
        session.commit()
        show("none", session.get(Person, "orm"))
        show("count", session.query(Person).count())


def frames():
    show("frame", pandas.read_sql("SELECT * FROM people ORDER BY key", engine).to_dict("list"))
    table = pandas.read_sql_table("orders", engine).sort_values("key")
    show("table", (table.to_dict("list"), [str(kind) for kind in table.dtypes]))
    more = pandas.DataFrame({"key": ["p1", "p2"], "name": ["P", None], "age": [1, 2]})
    show("appended", more.to_sql("people", engine, if_exists="append", index=False))
    show("more", pandas.read_sql("SELECT * FROM people WHERE key GLOB 'p*'", engine).to_dict())
    try:
        more.to_sql("people", engine, if_exists="append", index=False)
    except pandas.errors.DatabaseError as error:
        show("refused", str(error).splitlines()[0])


reflect()
core()
orm()
frames()
