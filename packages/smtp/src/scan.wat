;; Looks at every byte of a window of a mail, sixteen at a time. `scan.ts` holds this as bytes; its test says which.
(module
  ;; The window, up to 64 KiB, and room for the NULs behind it.
  (memory (export "memory") 2)

  ;; `length` bytes from 0 on, of a mail whose unfinished line has `column` octets before them, the last a CR if `cr` is 1.
  ;; Gives the length of the unfinished line behind them, shifted by three, and below it:
  ;; 1: a bare CR or LF, or a line over 998 octets, or what may be one; 2: a byte over 127; 4: a line begins with a dot.
  (func (export "scan") (param $length i32) (param $column i32) (param $cr i32) (result i32)
    (local $at i32) (local $bytes v128)
    (local $start i32) ;; of the line, before the window where negative
    (local $lf i32) (local $crs i32) ;; sixteen bits: where an LF is, and where a CR
    (local $afterLf i32) ;; 1: the last block ended with an LF, or nothing came before
    (local $suspect i32) (local $eightBit i32) (local $dots i32)

    (local.set $start (i32.sub (i32.const 0) (local.get $column)))
    (local.set $afterLf (i32.eqz (local.get $column)))
    (v128.store (local.get $length) (v128.const i64x2 0 0))

    (loop $block
      (local.set $bytes (v128.load (local.get $at)))
      (local.set $lf (i8x16.bitmask (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 10)))))
      (local.set $crs (i8x16.bitmask (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 13)))))

      ;; Behind every CR an LF, and no LF anywhere else. A CR that ends the window between two blocks looks bare.
      (local.set $suspect (i32.or (local.get $suspect)
        (i32.xor (local.get $lf)
          (i32.and (i32.const 0xffff) (i32.or (i32.shl (local.get $crs) (i32.const 1)) (local.get $cr))))))
      (local.set $cr (i32.shr_u (local.get $crs) (i32.const 15)))

      (local.set $eightBit (i32.or (local.get $eightBit) (i8x16.bitmask (local.get $bytes))))
      (local.set $dots (i32.or (local.get $dots)
        (i32.and (i8x16.bitmask (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 46))))
          (i32.or (i32.shl (local.get $lf) (i32.const 1)) (local.get $afterLf)))))
      (local.set $afterLf (i32.shr_u (local.get $lf) (i32.const 15)))

      ;; Of the lines that end here only the first can be too long: 998 octets, CR, and then LF at 999.
      (if (local.get $lf) (then
        (local.set $suspect (i32.or (local.get $suspect)
          (i32.gt_s (i32.sub (i32.add (local.get $at) (i32.ctz (local.get $lf))) (local.get $start)) (i32.const 999))))
        (local.set $start (i32.sub (i32.add (local.get $at) (i32.const 32)) (i32.clz (local.get $lf))))))

      (br_if $block (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $length))))

    (local.set $column (i32.sub (local.get $length) (local.get $start)))
    (i32.or (i32.shl (local.get $column) (i32.const 3))
      (i32.or (i32.or (i32.ne (local.get $suspect) (i32.const 0)) (i32.gt_s (local.get $column) (i32.const 999)))
        (i32.or (i32.shl (i32.ne (local.get $eightBit) (i32.const 0)) (i32.const 1))
          (i32.shl (i32.ne (local.get $dots) (i32.const 0)) (i32.const 2)))))))
