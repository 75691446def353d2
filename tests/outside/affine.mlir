// y = 2 x + w, and w grows by one.
func.func @main(%x: tensor<3x4xf32> {weir.name = "x"}, %w: tensor<4xf32> {weir.variable = "w"})
    -> (tensor<3x4xf32> {weir.name = "y"}, tensor<4xf32> {weir.updates = 1 : i64}) {
  %two = weir.constant dense<2.0> : tensor<3x4xf32>
  %one = weir.constant dense<1.0> : tensor<4xf32>
  %0 = weir.mul %x, %two : tensor<3x4xf32>
  %1 = weir.broadcast %w shape = [3, 4] dims = [1] : (tensor<4xf32>) -> tensor<3x4xf32>
  %2 = weir.add %0, %1 : tensor<3x4xf32>
  %3 = weir.add %w, %one : tensor<4xf32>
  return %2, %3 : tensor<3x4xf32>, tensor<4xf32>
}
