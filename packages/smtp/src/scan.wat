;; Looks at every byte of a window of a mail, sixteen at a time. `scan.ts` holds this as bytes; its test says which.
(module
  ;; From 16 on the window, up to 64 KiB; before it the byte that precedes it, behind it NULs.
  (memory (export "memory") 2)

  ;; `length` bytes, of a mail whose unfinished line has `column` octets before them, the last a CR if `afterCr` is 1.
  ;; Gives the length of the unfinished line behind them, shifted by three, and below it:
  ;; 1: a bare CR or LF, or a line over 998 octets, or what may be one; 2: a byte over 127; 4: a line begins with a dot.
  (func (export "scan") (param $length i32) (param $column i32) (param $afterCr i32) (result i32)
    (local $at i32) ;; in the window
    (local $start i32) ;; of a line, before the window where negative
    (local $next i32) ;; of a line behind it
    (local $lfs i32) ;; sixteen bits: where an LF is
    (local $bytes v128) (local $before v128) ;; sixteen bytes, and those one further to the front
    (local $bare v128) (local $dots v128) (local $high v128) ;; what was found
    (local $cr v128) (local $lf v128) (local $dot v128)

    (local.set $cr (i8x16.splat (i32.const 13)))
    (local.set $lf (i8x16.splat (i32.const 10)))
    (local.set $dot (i8x16.splat (i32.const 46)))
    (i32.store8 offset=15 (i32.const 0)
      (select (i32.const 13) (select (i32.const 0) (i32.const 10) (local.get $column)) (local.get $afterCr)))
    (v128.store offset=16 (local.get $length) (v128.const i64x2 0 0))

    ;; Behind every CR an LF, and no LF anywhere else. A CR that ends the window looks bare, unless a block ends there.
    (loop $block
      (local.set $bytes (v128.load offset=16 (local.get $at)))
      (local.set $before (v128.load offset=15 (local.get $at)))
      (local.set $bare (v128.or (local.get $bare)
        (v128.xor (i8x16.eq (local.get $bytes) (local.get $lf)) (i8x16.eq (local.get $before) (local.get $cr)))))
      (local.set $dots (v128.or (local.get $dots)
        (v128.and (i8x16.eq (local.get $bytes) (local.get $dot)) (i8x16.eq (local.get $before) (local.get $lf)))))
      (local.set $high (v128.or (local.get $high) (local.get $bytes)))
      (br_if $block (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $length))))

    ;; A line of 998 octets has its LF at 999. The last LF up to there ends a line that is not too long, and so are all
    ;; between: one look for each thousand octets. Without any, what is left is too long, or the unfinished line.
    (local.set $start (i32.sub (i32.const 0) (local.get $column)))
    (block $unfinished
      (loop $line
        (local.set $at (i32.add (local.get $start) (i32.const 999)))
        (if (i32.ge_s (local.get $at) (local.get $length))
          (then (local.set $at (i32.sub (local.get $length) (i32.const 1)))))
        (block $found
          (loop $backwards
            (br_if $unfinished (i32.lt_s (local.get $at) (i32.const 0)))
            ;; The sixteen bytes that end at $at.
            (local.set $lfs (i8x16.bitmask (i8x16.eq (v128.load offset=1 (local.get $at)) (local.get $lf))))
            (br_if $found (local.get $lfs))
            (br_if $backwards (i32.ge_s (local.tee $at (i32.sub (local.get $at) (i32.const 16))) (local.get $start)))
            (br $unfinished)))
        (local.set $next (i32.sub (i32.add (local.get $at) (i32.const 17)) (i32.clz (local.get $lfs))))
        (br_if $unfinished (i32.le_s (local.get $next) (local.get $start)))
        (local.set $start (local.get $next))
        (br_if $line (i32.lt_s (local.get $start) (local.get $length)))))

    (local.set $column (i32.sub (local.get $length) (local.get $start)))
    (i32.or (i32.shl (local.get $column) (i32.const 3))
      (i32.or (i32.or (v128.any_true (local.get $bare)) (i32.gt_s (local.get $column) (i32.const 999)))
        (i32.or (i32.shl (i32.ne (i8x16.bitmask (local.get $high)) (i32.const 0)) (i32.const 1))
          (i32.shl (v128.any_true (local.get $dots)) (i32.const 2)))))))
