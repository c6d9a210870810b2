import java.io.IOException;
import java.util.*;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.*;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.connector.file.src.FileSourceSplit;
import org.apache.flink.connector.file.src.reader.BulkFormat;
import org.apache.flink.connector.file.src.util.*;
import org.apache.flink.core.fs.Path;
import org.apache.flink.formats.parquet.ParquetColumnarRowInputFormat;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.connector.*;
import org.apache.flink.table.connector.source.*;
import org.apache.flink.table.connector.source.abilities.SupportsProjectionPushDown;
import org.apache.flink.table.data.*;
import org.apache.flink.table.factories.*;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.RowKind;
import org.apache.flink.types.variant.Variant;

/**
 * 'connector'='nexmark-rounds': the Parquet files of a folder, read again and again as if the market went on: in each round all times and ids are
 * later than in the one before by as much as the events of the files take up. It is connectors/nexmark/rounds.go for Flink, around Flink's own
 * Parquet format with its own settings. A split has all rounds of a file. Going on from a checkpoint is not supported.
 */
public class NexmarkRoundsFactory implements DynamicTableSourceFactory {
  static final ConfigOption<String> PATH = ConfigOptions.key("path").stringType().noDefaultValue();
  static final ConfigOption<Long> EVENTS = ConfigOptions.key("events").longType().defaultValue(10_000_000L);
  static final ConfigOption<Integer> ROUNDS = ConfigOptions.key("rounds").intType().defaultValue(1);
  public String factoryIdentifier() { return "nexmark-rounds"; }
  public Set<ConfigOption<?>> requiredOptions() { return Set.of(PATH); }
  public Set<ConfigOption<?>> optionalOptions() { return Set.of(EVENTS, ROUNDS); }
  public DynamicTableSource createDynamicTableSource(Context c) {
    FactoryUtil.TableFactoryHelper h = FactoryUtil.createTableFactoryHelper(this, c);
    return new Src(h.getOptions().get(PATH), h.getOptions().get(EVENTS), h.getOptions().get(ROUNDS), c.getPhysicalRowDataType());
  }

  static class Src implements ScanTableSource, SupportsProjectionPushDown {
    final String path; final long events; final int rounds; DataType type;
    Src(String p, long e, int r, DataType t) { path = p; events = e; rounds = r; type = t; }
    public ChangelogMode getChangelogMode() { return ChangelogMode.insertOnly(); }
    public DynamicTableSource copy() { return new Src(path, events, rounds, type); }
    public String asSummaryString() { return "nexmark-rounds"; }
    public boolean supportsNestedProjection() { return false; }
    public void applyProjection(int[][] fields, DataType produced) { type = produced; }
    public ScanRuntimeProvider getScanRuntimeProvider(ScanContext c) {
      TypeInformation<RowData> ti = c.createTypeInformation(type);
      RowType rt = (RowType) type.getLogicalType();
      Rounds format = new Rounds(new ParquetColumnarRowInputFormat<>(new org.apache.hadoop.conf.Configuration(), rt, ti, 2048, false, true), rt, events, rounds);
      return new DataStreamScanProvider() {
        public boolean isBounded() { return true; }
        public DataStream<RowData> produceDataStream(ProviderContext pc, StreamExecutionEnvironment env) {
          return env.fromSource(FileSource.forBulkFileFormat(format, new Path(path)).build(), WatermarkStrategy.noWatermarks(), "nexmark-rounds", ti).uid("nexmark-rounds");
        }
      };
    }
  }

  static class Rounds implements BulkFormat<RowData, FileSourceSplit> {
    final BulkFormat<RowData, FileSourceSplit> file; final long[] perRound; final int rounds;
    Rounds(BulkFormat<RowData, FileSourceSplit> f, RowType t, long events, int r) {
      file = f;
      rounds = r;
      perRound = t.getFieldNames().stream().mapToLong(n -> grows(n, events)).toArray();
    }
    static long grows(String column, long events) {
      switch (column) {
        case "dateTime": case "a_expires": return events * 1000 / 10_000; // milliseconds
        case "p_id": case "a_seller": case "b_bidder": return events / 50;
        case "a_id": case "b_auction": return events / 50 * 3;
        default: return 0;
      }
    }
    public boolean isSplittable() { return false; }
    public TypeInformation<RowData> getProducedType() { return file.getProducedType(); }
    public Reader<RowData> restoreReader(Configuration c, FileSourceSplit s) { throw new UnsupportedOperationException(); }
    public Reader<RowData> createReader(Configuration c, FileSourceSplit s) throws IOException {
      return new Reader<>() {
        BulkFormat.Reader<RowData> in = file.createReader(c, s);
        int round;
        public RecordIterator<RowData> readBatch() throws IOException {
          RecordIterator<RowData> batch = in.readBatch();
          while (batch == null && ++round < rounds) {
            in.close();
            in = file.createReader(c, s);
            batch = in.readBatch();
          }
          if (batch == null || round == 0) return batch;
          Later row = new Later(new long[perRound.length]); // batches are read on another thread, while this reader goes on
          for (int i = 0; i < perRound.length; i++) row.by[i] = round * perRound[i];
          return new LaterRows(batch, row);
        }
        public void close() throws IOException { in.close(); }
      };
    }
  }

  static final class LaterRows implements BulkFormat.RecordIterator<RowData> {
    final BulkFormat.RecordIterator<RowData> rows; final Later row;
    final MutableRecordAndPosition<RowData> out = new MutableRecordAndPosition<>();
    LaterRows(BulkFormat.RecordIterator<RowData> r, Later l) { rows = r; row = l; }
    public RecordAndPosition<RowData> next() {
      RecordAndPosition<RowData> r = rows.next();
      if (r == null) return null;
      row.of = r.getRecord();
      out.set(row, r.getOffset(), r.getRecordSkipCount());
      return out;
    }
    public void releaseBatch() { rows.releaseBatch(); }
  }

  /** A row with some numbers and times added to; used again for the next one, as the Parquet reader's rows are. */
  static final class Later implements RowData {
    RowData of; final long[] by;
    Later(long[] b) { by = b; }
    public int getArity() { return of.getArity(); }
    public RowKind getRowKind() { return of.getRowKind(); }
    public void setRowKind(RowKind k) { of.setRowKind(k); }
    public boolean isNullAt(int i) { return of.isNullAt(i); }
    public boolean getBoolean(int i) { return of.getBoolean(i); }
    public byte getByte(int i) { return of.getByte(i); }
    public short getShort(int i) { return of.getShort(i); }
    public int getInt(int i) { return of.getInt(i); }
    public long getLong(int i) { return of.getLong(i) + by[i]; }
    public float getFloat(int i) { return of.getFloat(i); }
    public double getDouble(int i) { return of.getDouble(i); }
    public StringData getString(int i) { return of.getString(i); }
    public DecimalData getDecimal(int i, int p, int s) { return of.getDecimal(i, p, s); }
    public TimestampData getTimestamp(int i, int p) {
      TimestampData t = of.getTimestamp(i, p);
      return by[i] == 0 ? t : TimestampData.fromEpochMillis(t.getMillisecond() + by[i], t.getNanoOfMillisecond());
    }
    public <T> RawValueData<T> getRawValue(int i) { return of.getRawValue(i); }
    public byte[] getBinary(int i) { return of.getBinary(i); }
    public ArrayData getArray(int i) { return of.getArray(i); }
    public MapData getMap(int i) { return of.getMap(i); }
    public RowData getRow(int i, int n) { return of.getRow(i, n); }
    public Variant getVariant(int i) { return of.getVariant(i); }
  }
}
