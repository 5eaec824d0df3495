import FledgeKernels

/// A product in tiles of fixed sizes by OpenBLAS, each tile on one thread.
///
/// Which thread multiplies a tile changes no bit, and all calls for rows of one matrix have the same
/// shape: a last tile of fewer rows is filled up with zeros. An element is the sum of the sums of its
/// blocks of depth. Operands that are no scalars of the sum's type (bfloat16, blocks) are widened tile
/// by tile, as they are rounded for the path's own products.
struct OpenBLASProduct<Scalar: BLASScalar> {
    private let product: fledge_product
    private let second: SecondProduct?
    private let padding: Int
    /// The caller's kernels, which the threads of the pool would not know.
    private let table: UnsafePointer<fledge_table>

    private static var columnBlock: Int { 256 }
    private static var depthBlock: Int { 256 }
    /// Rows that share a widened panel of the right-hand matrix.
    private static var rowBlock: Int { 256 }
    /// The library has buffers for a limited number of callers at once.
    private static var callers: Int { 64 }

    /// Whether the left-hand rows run along the memory of the depth; they are tokens then. Otherwise
    /// it is a weight's gradient, whose number of rows is the weight's.
    private var isTransposed: Bool { product.a_depth != 1 }

    /// Nil when the product is one for the path's own kernels, which must not depend on how many
    /// tokens there are.
    init?(_ product: fledge_product, _ second: SecondProduct?) {
        guard product.by_lanes == 0, product.columns >= 16, product.depth >= 16 else { return nil }
        // Rows of low-rank factors: too few for what packing the right-hand matrix costs.
        if product.a_depth != 1, product.rows < 32 { return nil }
        let strides = [
            product.a_row, product.a_depth, product.b_column, product.b_depth, product.c_row,
            second?.a.rowStride ?? 0, second?.b.rowStride ?? 0, second?.b.columnStride ?? 0,
        ]
        guard strides.allSatisfy({ $0 <= Int(Int32.max) }) else { return nil }
        (self.product, self.second) = (product, second)
        (padding, table) = (OpenBLAS.rowPadding ?? 1, fledge_kernels())
    }

    /// Computes the product.
    func run() {
        let rowTiles = (product.rows + Self.rowBlock - 1) / Self.rowBlock
        let columnTiles = (product.columns + Self.columnBlock - 1) / Self.columnBlock
        let tiles = rowTiles * columnTiles
        func multiply(_ tile: Int) {
            let (row, column) = (
                tile % rowTiles * Self.rowBlock, tile / rowTiles * Self.columnBlock
            )
            multiplyTile(
                row..<min(row + Self.rowBlock, product.rows),
                column..<min(column + Self.columnBlock, product.columns))
        }
        let tasks = min(tiles, Self.callers)
        if product.rows * product.columns * product.depth < 100_000 {
            for tile in 0..<tiles { multiply(tile) }
        } else {
            parallelFor(tasks) { task in
                for tile in stride(from: task, to: tiles, by: tasks) { multiply(tile) }
            }
        }
    }

    /// A block of rows; the library is called for `OpenBLAS.tileRows` at a time.
    private func multiplyTile(_ rows: Range<Int>, _ columns: Range<Int>) {
        let needed = isTransposed ? rows.count : (rows.count + padding - 1) / padding * padding
        let type = UInt8(product.c_type)
        let lies = type == Scalar.elementType.rawValue && needed == rows.count
        let target: UnsafeMutablePointer<Scalar>
        let rowStride: Int
        if lies {
            target =
                product.c.assumingMemoryBound(to: Scalar.self) + rows.lowerBound * product.c_row
                + columns.lowerBound
            rowStride = product.c_row
        } else {
            (target, rowStride) = (
                scratch(FLEDGE_SCRATCH_SUMS, needed * columns.count), columns.count
            )
            if product.accumulate != 0 {
                for (index, row) in rows.enumerated() {
                    widen(
                        product.c, product.c_type, from: row * product.c_row + columns.lowerBound,
                        columns.count, into: target + index * rowStride)
                }
                (target + rows.count * rowStride).initialize(
                    repeating: 0, count: (needed - rows.count) * rowStride)
            }
        }
        func add(
            _ left: (Range<Int>, Int) -> BLASFactor<Scalar>, _ right: BLASFactor<Scalar>,
            depth: Int, adding: Bool
        ) {
            for first in stride(from: 0, to: needed, by: OpenBLAS.tileRows) {
                let height = min(OpenBLAS.tileRows, needed - first)
                let begin = rows.lowerBound + first
                let factor = left(begin..<min(begin + height, rows.upperBound), height)
                Scalar.multiply(
                    factor, right, into: target + first * rowStride, rowStride: rowStride,
                    rows: height, columns: columns.count, depth: depth, adding: adding)
            }
        }
        for begin in stride(from: 0, to: product.depth, by: Self.depthBlock) {
            let depth = begin..<min(begin + Self.depthBlock, product.depth)
            add(
                { left($0, depth, height: $1) }, right(columns, depth), depth: depth.count,
                adding: begin > 0 || product.accumulate != 0)
        }
        if let second {
            let b = second.b
            add(
                { secondLeft(second, $0, height: $1) },
                BLASFactor(
                    b.pointer.assumingMemoryBound(to: Scalar.self) + columns.lowerBound
                        * b.columnStride,
                    rowStride: b.columnStride == 1 ? b.rowStride : b.columnStride,
                    isTransposed: b.columnStride != 1), depth: second.depth, adding: true)
        }
        finish(rows, columns, target, rowStride, isStored: lies)
    }

    /// Adds the bias and writes sums that were kept apart where the result lies.
    private func finish(
        _ rows: Range<Int>, _ columns: Range<Int>, _ sums: UnsafeMutablePointer<Scalar>,
        _ rowStride: Int, isStored: Bool
    ) {
        let bias = product.bias.map {
            $0.assumingMemoryBound(to: Scalar.self) + columns.lowerBound
        }
        for (index, row) in rows.enumerated() {
            let source = sums + index * rowStride
            if let bias { kernels(Scalar.elementType).add(source, source, bias, columns.count) }
            guard !isStored else { continue }
            let at = row * product.c_row + columns.lowerBound
            if product.c_type == FLEDGE_BFLOAT16 {
                kernels(.bfloat16).from_float(
                    product.c + 2 * at,
                    UnsafeMutableRawPointer(source).assumingMemoryBound(to: Float.self),
                    columns.count)
            } else {
                (product.c.assumingMemoryBound(to: Scalar.self) + at).update(
                    from: source, count: columns.count)
            }
        }
    }

    /// The left-hand rows, where they lie or, widened and filled up with zeros to `height`, apart.
    private func left(_ rows: Range<Int>, _ depth: Range<Int>, height: Int) -> BLASFactor<Scalar> {
        let (row, unit) = (product.a_row, product.a_depth)
        if let a = lying(product.a, product.a_type), isTransposed || rows.count == height {
            return BLASFactor(
                a + rows.lowerBound * row + depth.lowerBound * unit,
                rowStride: isTransposed ? unit : row, isTransposed: isTransposed)
        }
        let target = scratch(FLEDGE_SCRATCH_LEFT, height * depth.count)
        if isTransposed {
            for (index, k) in depth.enumerated() {
                widen(
                    product.a, product.a_type, from: k * unit + rows.lowerBound, rows.count,
                    into: target + index * rows.count)
            }
            return BLASFactor(target, rowStride: rows.count, isTransposed: true)
        }
        for (index, i) in rows.enumerated() {
            widen(
                product.a, product.a_type, from: i * row + depth.lowerBound, depth.count,
                into: target + index * depth.count)
        }
        (target + rows.count * depth.count).initialize(
            repeating: 0, count: (height - rows.count) * depth.count)
        return BLASFactor(target, rowStride: depth.count)
    }

    private func secondLeft(_ second: SecondProduct, _ rows: Range<Int>, height: Int)
        -> BLASFactor<Scalar>
    {
        let source =
            second.a.pointer.assumingMemoryBound(to: Scalar.self) + rows.lowerBound
            * second.a.rowStride
        if rows.count == height { return BLASFactor(source, rowStride: second.a.rowStride) }
        let target = scratch(FLEDGE_SCRATCH_LEFT, height * second.depth)
        for index in 0..<rows.count {
            (target + index * second.depth).update(
                from: source + index * second.a.rowStride, count: second.depth)
        }
        (target + rows.count * second.depth).initialize(
            repeating: 0, count: (height - rows.count) * second.depth)
        return BLASFactor(target, rowStride: second.depth)
    }

    /// The right-hand matrix, where it lies or widened.
    private func right(_ columns: Range<Int>, _ depth: Range<Int>) -> BLASFactor<Scalar> {
        let isTransposed = product.b_column != 1
        if let b = lying(product.b, product.b_type) {
            return BLASFactor(
                b + columns.lowerBound * product.b_column + depth.lowerBound * product.b_depth,
                rowStride: isTransposed ? product.b_column : product.b_depth,
                isTransposed: isTransposed)
        }
        let (lines, line) = isTransposed ? (columns, depth) : (depth, columns)
        let stride = isTransposed ? product.b_column : product.b_depth
        let target = scratch(FLEDGE_SCRATCH_PANEL, lines.count * line.count)
        for (index, row) in lines.enumerated() {
            let part = target + index * line.count
            if product.b_type >= Int32(FLEDGE_BLOCKS) {
                expand(row, line, into: part)
            } else {
                widen(
                    product.b, product.b_type, from: row * stride + line.lowerBound, line.count,
                    into: part)
            }
        }
        return BLASFactor(target, rowStride: line.count, isTransposed: isTransposed)
    }

    /// Elements of a row in blocks, which are rounded to the type of the left-hand rows.
    private func expand(_ row: Int, _ line: Range<Int>, into target: UnsafeMutablePointer<Scalar>) {
        let blocks = product.b.assumingMemoryBound(to: fledge_blocks.self)
        let isNarrow = product.a_type == FLEDGE_BFLOAT16
        let destination =
            isNarrow
            ? fledge_scratch(FLEDGE_SCRATCH_BLOCKS, 2 * line.count + 64)
            : UnsafeMutableRawPointer(target)
        table.pointee.expand(
            destination, product.a_type, blocks, product.b_type, row, line.lowerBound, line.count)
        if isNarrow { widen(destination, product.a_type, from: 0, line.count, into: target) }
    }

    /// The elements of an operand where they can be read as they lie.
    private func lying(_ pointer: UnsafeRawPointer, _ type: Int32) -> UnsafePointer<Scalar>? {
        // The bytes of a mapped file may begin anywhere.
        guard type == Int32(Scalar.elementType.rawValue),
            Int(bitPattern: pointer) % MemoryLayout<Scalar>.alignment == 0
        else { return nil }
        return pointer.assumingMemoryBound(to: Scalar.self)
    }

    private func widen(
        _ source: UnsafeRawPointer, _ type: Int32, from start: Int, _ count: Int,
        into target: UnsafeMutablePointer<Scalar>
    ) {
        guard let type = ElementType(rawValue: UInt8(type)) else { return }
        let from = source + start * type.byteCount
        if type == Scalar.elementType {
            UnsafeMutableRawPointer(target).copyMemory(
                from: from, byteCount: count * type.byteCount)
        } else {
            // What is not of the sum's type is bfloat16, whose sums are float32.
            kernels(type).to_float(
                UnsafeMutableRawPointer(target).assumingMemoryBound(to: Float.self), from, count)
        }
    }

    private func kernels(_ type: ElementType) -> fledge_element_kernels {
        fledge_kernels_of(table, Int32(type.rawValue)).pointee
    }

    private func scratch(_ slot: fledge_scratch_slot, _ count: Int) -> UnsafeMutablePointer<Scalar>
    {
        fledge_scratch(slot, count * MemoryLayout<Scalar>.stride + 64)
            .assumingMemoryBound(to: Scalar.self)
    }
}
