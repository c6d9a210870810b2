import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.*;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.sink2.*;
import org.apache.flink.api.java.tuple.*;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.source.legacy.SourceFunction;
import org.apache.flink.util.Collector;

/** Counts what comes from a unix socket and writes to another; bench/latency is on the other side. Flink's own socket source knows TCP only. */
class LatencySockets {
  static final AtomicInteger CHECKPOINTS = new AtomicInteger();

  static SocketChannel connect(String path) throws IOException {
    SocketChannel c = SocketChannel.open(StandardProtocolFamily.UNIX);
    c.connect(UnixDomainSocketAddress.of(path));
    return c;
  }

  /** Lines of key,at. As Flink's SocketTextStreamFunction it has no state: what is not counted when the job fails is lost. */
  static class Source implements SourceFunction<Tuple2<Long, Long>> {
    final String path;
    volatile boolean running = true;
    Source(String path) { this.path = path; }
    public void cancel() { running = false; }

    public void run(SourceContext<Tuple2<Long, Long>> ctx) throws Exception {
      try (SocketChannel in = connect(path)) {
        ByteBuffer buf = ByteBuffer.allocateDirect(64 << 10);
        byte[] bytes = new byte[64 << 10];
        long key = 0, n = 0;
        while (running && in.read(buf) >= 0) {
          int len = buf.flip().remaining();
          buf.get(bytes, 0, len).clear();
          for (int i = 0; i < len; i++) {
            byte c = bytes[i];
            if (c == ',') { key = n; n = 0; }
            else if (c == '\n') { ctx.collect(Tuple2.of(key, n)); n = 0; }
            else n = n * 10 + (c - '0');
          }
        }
      }
    }
  }

  /** Lines of key,count,at, a call for each, as Flink's SocketClientSink does with autoFlush. */
  static class Out implements Sink<Tuple3<Long, Long, Long>> {
    final String path;
    Out(String path) { this.path = path; }

    public SinkWriter<Tuple3<Long, Long, Long>> createWriter(WriterInitContext c) throws IOException {
      SocketChannel out = connect(path);
      ByteBuffer buf = ByteBuffer.allocateDirect(128);
      return new SinkWriter<Tuple3<Long, Long, Long>>() {
        public void write(Tuple3<Long, Long, Long> v, Context x) throws IOException {
          buf.clear();
          buf.put((v.f0 + "," + v.f1 + "," + v.f2 + "\n").getBytes(StandardCharsets.ISO_8859_1)).flip();
          while (buf.hasRemaining()) out.write(buf);
        }
        public void flush(boolean end) {}
        public void close() throws IOException { out.close(); }
      };
    }
  }

  static class Count extends KeyedProcessFunction<Long, Tuple2<Long, Long>, Tuple3<Long, Long, Long>> implements CheckpointListener {
    transient ValueState<Long> n;
    @Override public void open(OpenContext o) { n = getRuntimeContext().getState(new ValueStateDescriptor<>("n", Types.LONG)); }
    @Override public void processElement(Tuple2<Long, Long> v, Context x, Collector<Tuple3<Long, Long, Long>> o) throws Exception {
      Long k = n.value();
      long m = k == null ? 1 : k + 1;
      n.update(m);
      o.collect(Tuple3.of(v.f0, m, v.f1));
    }
    @Override public void notifyCheckpointComplete(long id) {
      if (getRuntimeContext().getTaskInfo().getIndexOfThisSubtask() == 0) CHECKPOINTS.incrementAndGet();
    }
  }

  /** Runs until it is told to end. */
  static void run(Configuration c, StreamExecutionEnvironment e, String in, String out) throws Exception {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      System.out.printf(Locale.ROOT, "BENCHCP completed=%d%n", CHECKPOINTS.get());
      System.out.flush();
      Runtime.getRuntime().halt(0);
    }));
    e.addSource(new Source(in), "in", Types.TUPLE(Types.LONG, Types.LONG)).setParallelism(1)
        .keyBy(x -> x.f0).process(new Count()).returns(Types.TUPLE(Types.LONG, Types.LONG, Types.LONG)).sinkTo(new Out(out));
    e.execute();
  }
}
