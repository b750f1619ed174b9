"""What clients that bind or describe a key see of the table `orders`; prints it. usage: FILE"""

import sys

import oocmap
import pyodbc
import sqlalchemy

engine = sqlalchemy.create_engine(f"sqlite:///{sys.argv[1]}")


@sqlalchemy.event.listens_for(engine, "connect")
def load(connection, record):
    oocmap.load(connection)


table = sqlalchemy.Table("orders", sqlalchemy.MetaData(), autoload_with=engine)
print([(column.name, str(column.type)) for column in table.columns])
with engine.begin() as connection:
    for key in (2, "2", 2.0, "02", "x"):  # bound as text, too
        query = sqlalchemy.text("SELECT key, typeof(key), who FROM orders WHERE key = :key")
        print(key, connection.execute(query, {"key": key}).all())
    query = sqlalchemy.text("SELECT key FROM orders WHERE key BETWEEN '2' AND '10' ORDER BY key")
    print(connection.execute(query).all())

source = f"Driver=SQLite3;Database={sys.argv[1]};LoadExt=./lib/oocmap"
cursor = pyodbc.connect(source).cursor()
print([(column.column_name, column.type_name) for column in cursor.columns("orders")])
print(cursor.execute("SELECT key, who FROM orders ORDER BY key").fetchall())
