import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.util.Properties;

/** What a Java program does with a database file through JDBC; prints what it sees. */
public class Client {
  private static void show(String title, ResultSet rows) throws SQLException {
    ResultSetMetaData columns = rows.getMetaData();
    while (rows.next()) {
      StringBuilder line = new StringBuilder(title);
      for (int i = 1; i <= columns.getColumnCount(); i++) {
        Object value = rows.getObject(i);
        String type = value == null ? "" : value.getClass().getSimpleName();
        line.append(" | ").append(columns.getColumnName(i)).append('=').append(value);
        line.append(' ').append(type);
      }
      System.out.println(line);
    }
    rows.close();
  }

  private static void describe(Connection connection) throws SQLException {
    DatabaseMetaData metadata = connection.getMetaData();
    ResultSet rows = metadata.getTables(null, null, "%", null);
    while (rows.next()) {
      System.out.println("table " + rows.getString("TABLE_NAME") + " " + rows.getString("TABLE_TYPE"));
    }
    for (String table : new String[] {"people", "orders"}) {
      rows = metadata.getColumns(null, null, table, "%");
      while (rows.next()) {
        String column = rows.getString("COLUMN_NAME");
        System.out.println("column " + table + "." + column + " " + rows.getString("TYPE_NAME"));
      }
      rows = metadata.getPrimaryKeys(null, null, table);
      while (rows.next()) {
        System.out.println("primary key " + table + "." + rows.getString("COLUMN_NAME"));
      }
    }
  }

  private static void read(Connection connection) throws SQLException {
    Statement statement = connection.createStatement();
    show("all", statement.executeQuery("SELECT * FROM people ORDER BY key DESC"));
    show("view", statement.executeQuery("SELECT * FROM romans ORDER BY 1"));
    show("orders", statement.executeQuery("SELECT key, total FROM orders WHERE key IN (1, 3)"));
    PreparedStatement query =
        connection.prepareStatement(
            "SELECT p.name, sum(o.total) FROM people p JOIN orders o ON o.who = p.key"
                + " WHERE p.key = ? AND o.key >= ? GROUP BY p.key");
    for (String key : new String[] {"ann", "bob", "nobody"}) {
      query.setString(1, key);
      query.setInt(2, 1);
      show("joined", query.executeQuery());
    }
  }

  private static void write(Connection connection) throws SQLException {
    connection.setAutoCommit(false);
    PreparedStatement insert =
        connection.prepareStatement("INSERT INTO people(key, name, age) VALUES (?, ?, ?)");
    for (int i = 0; i < 100; i++) {
      insert.setString(1, String.format("j%02d", i));
      insert.setString(2, "Jörg \u2603");
      if (i % 2 == 0) {
        insert.setInt(3, i);
      } else {
        insert.setNull(3, Types.INTEGER);
      }
      insert.addBatch();
    }
    System.out.println("batch " + insert.executeBatch().length);
    connection.commit();

    Statement statement = connection.createStatement();
    System.out.println("updated " + statement.executeUpdate("UPDATE people SET age = 1 WHERE age > 90"));
    Savepoint savepoint = connection.setSavepoint();
    System.out.println("deleted " + statement.executeUpdate("DELETE FROM people"));
    connection.rollback(savepoint);
    connection.commit();
    System.out.println("deleted " + statement.executeUpdate("DELETE FROM people WHERE age IS NULL"));
    connection.rollback();

    for (String sql :
        new String[] {
          "INSERT INTO people(key, name) VALUES ('ann', 'x')",
          "INSERT INTO people(key, name) VALUES (NULL, 'x')",
          "SELECT no_such FROM people"
        }) {
      try {
        statement.execute(sql);
        System.out.println("not refused: " + sql);
      } catch (SQLException error) {
        System.out.println("refused " + error.getErrorCode() + " " + error.getMessage());
      }
    }
    insert.setString(1, "new");
    insert.addBatch();
    insert.setString(1, "ann");
    insert.addBatch();
    try {
      insert.executeBatch();
    } catch (SQLException error) {
      System.out.println("refused " + error.getMessage());
    }
    connection.rollback();
    show("left", statement.executeQuery("SELECT count(*), sum(age), max(name) FROM people"));
  }

  public static void main(String[] arguments) throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("enable_load_extension", "true");
    String url = "jdbc:sqlite:" + arguments[0];
    try (Connection connection = DriverManager.getConnection(url, properties)) {
      connection.createStatement().execute("SELECT load_extension('./lib/oocmap')");
      describe(connection);
      read(connection);
      write(connection);
    }
  }
}
